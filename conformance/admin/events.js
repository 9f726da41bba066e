// The test's organisation, events, windows and user, by the IDs that the twin has for them.
const id = (name) => `cm${name.padStart(23, '0')}`;

/** Its slug is the first label of its hosts: the Worker is at 127.0.0.1. */
export const organisation = { id: id('loadtestorg'), slug: '127' };

export const events = [1, 2, 3].map((n) => ({
  id: id(`loadtestevent${n}`), prefix: `LOADTEST-E${n}-`,
  windows: { PRE: id(`window${n}pre`), LIVE: id(`window${n}live`), POST: id(`window${n}post`) },
}));

/** The one user of the Admin, but for the email address. */
export const user = { id: id('loadtestuser'), name: 'Load Test', role: 'ADMIN', orgId: organisation.id, forcePasswordReset: false };
