import { z } from 'zod';
import { user } from './events.js';

// What a variant of the app is told at run time, so that one build serves all of them.
export const settings = {
  email: process.env.TEST_EMAIL,
  password: process.env.TEST_PASSWORD,
  prefix: process.env.COOKIE_PREFIX, // of every cookie's name; the library's own names without
  maxAge: Number(process.env.SESSION_MAX_AGE ?? 30 * 24 * 3600), // seconds
  permissions: 'p'.repeat(Number(process.env.SESSION_PADDING ?? 0)), // what makes a session too long for one cookie
  superjson: process.env.TRPC_TRANSFORMER === 'superjson',
};

/** What next-auth v4 and v5 configure alike. */
export const auth = {
  pages: { signIn: '/auth/signin' },
  session: { strategy: 'jwt', maxAge: settings.maxAge },
  cookies: settings.prefix && {
    sessionToken: cookie('session-token'),
    csrfToken: cookie('csrf-token'),
    callbackUrl: cookie('callback-url'),
  },
  callbacks: {
    jwt: ({ token, user }) => (user ? { ...token, user, permissions: settings.permissions } : token),
    session: ({ session, token }) => ({ ...session, user: token.user }),
  },
};

export const credentials = {
  credentials: { email: { label: 'Email' }, password: { label: 'Password', type: 'password' } },
  authorize: (input) => {
    const { success, data } = form.safeParse(input);
    return success && !locked(data.email) && known(data) ? { ...user, email: settings.email } : null;
  },
};

/** A second provider, of another name and with a form of its own. */
export const badge = {
  id: 'badge',
  credentials: { number: { label: 'Badge' }, pin: { label: 'PIN', type: 'password' } },
  authorize: ({ email, password, number, pin }) => (
    number === '4711' && pin === settings.password && email === undefined && password === undefined ? { ...user, email: settings.email } : null),
};

const form = z.object({ email: z.string().email(), password: z.string().min(8) });

const failures = new Map(); // by email: how many, and until when they count

/** locked reports whether five logins have failed in 15 minutes; the right password is then answered as a wrong one. */
function locked(email) {
  const { count, until } = failures.get(email) ?? {};
  return count >= 5 && Date.now() < until;
}

function known({ email, password }) {
  if (email === settings.email && password === settings.password) {
    failures.delete(email);
    return true;
  }
  const last = failures.get(email);
  const { count, until } = last && Date.now() < last.until ? last : { count: 0, until: Date.now() + 15 * 60_000 };
  failures.set(email, { count: count + 1, until });
  return false;
}

function cookie(name) {
  return { name: `${settings.prefix}.${name}`, options: { httpOnly: true, sameSite: 'lax', path: '/' } };
}
