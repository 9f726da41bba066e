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
  session: { strategy: 'jwt', maxAge: settings.maxAge },
  cookies: settings.prefix && {
    sessionToken: cookie('session-token'),
    csrfToken: cookie('csrf-token'),
    callbackUrl: cookie('callback-url'),
  },
  callbacks: {
    jwt: ({ token, user }) => (user ? { ...token, role: user.role, permissions: settings.permissions } : token),
    session: ({ session, token }) => ({ ...session, user: { ...session.user, id: token.sub, role: token.role } }),
  },
};

export const credentials = {
  credentials: { email: { label: 'Email' }, password: { label: 'Password', type: 'password' } },
  authorize: ({ email, password }) =>
    email === settings.email && password === settings.password
      ? { id: 'loadtest', name: 'Load Test', email, role: 'ADMIN' }
      : null,
};

function cookie(name) {
  return { name: `${settings.prefix}.${name}`, options: { httpOnly: true, sameSite: 'lax', path: '/' } };
}
