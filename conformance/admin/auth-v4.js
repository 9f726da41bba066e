import CredentialsProvider from 'next-auth-4/providers/credentials';
import { auth as common, credentials } from './settings.js';

// Bundlers disagree on what the default export of a CommonJS module is.
const Credentials = CredentialsProvider.default ?? CredentialsProvider;

export const options = { ...common, providers: [Credentials(credentials)] };
