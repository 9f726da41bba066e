import Credentials from 'next-auth-4/providers/credentials';
import { auth as common, credentials } from './settings.js';

export const options = { ...common, providers: [Credentials(credentials)] };
