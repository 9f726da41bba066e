import NextAuth from 'next-auth-4';
import { options } from '../../../../auth-v4.js';

export default NextAuth(options);
