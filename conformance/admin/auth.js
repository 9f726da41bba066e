import NextAuth from 'next-auth';
import Credentials from 'next-auth/providers/credentials';
import { auth as common, badge, credentials } from './settings.js';

export const { handlers, auth } = NextAuth({ ...common, trustHost: true, providers: [Credentials(credentials), Credentials(badge)] });
