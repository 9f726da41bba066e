import provider from 'next-auth-4/providers/credentials';
import { auth as common, badge, credentials } from './settings.js';

export const options = { ...common, providers: [provider.default(credentials), provider.default(badge)] }; // CommonJS, imported as Node does
