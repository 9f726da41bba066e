import nextAuth from 'next-auth-4';
import { options } from '../../../../auth-v4.js';

export default nextAuth.default(options); // CommonJS, imported as Node does
