import provider from 'next-auth-4/providers/credentials';
import { auth as common, credentials } from './settings.js';

export const options = { ...common, providers: [provider.default(credentials)] }; // CommonJS, imported as Node does
