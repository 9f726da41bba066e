// The scripts of examples/, each at software that this project did not write.
import { deepEqual, equal, match } from 'node:assert/strict';
import { startAdmin } from '../admin.js';
import { k6Script } from '../k6.js';

const shortener = {
  counterpart: 'next', // its redirects, which admin/next.config.js asks for
  start: () => startAdmin(),
  cases: {
    'link-shortener.js: known codes are redirected, each of them': async ({ env }) => {
      const { code, output, metrics } = await k6Script('examples/link-shortener.js', short(env, 'spring,summer'));
      equal(code, 0, output);
      equal(metrics.error_rate.value, 0);
      deepEqual([metrics.checks.fails, metrics.http_reqs.count > 50], [0, true], output); // 60 are planned
      match(output, /PASS/);
    },
    'link-shortener.js: a code that is not known fails it': async ({ env }) => {
      const { code, output, metrics } = await k6Script('examples/link-shortener.js', short(env, 'winter'));
      deepEqual([code, metrics.error_rate.value], [99, 1], output);
      match(output, /tap: GET \S+\/go: answered 404 Not Found/);
    },
    'link-shortener.js: pages elsewhere are told': async ({ env }) => {
      const { output } = await k6Script('examples/link-shortener.js', { ...short(env, 'spring'), PAGE_HOST: 'other.example.com' });
      match(output, /shop\.example\.com/);
    },
  },
};

const visitors = (GENERATION, counterpart) => ({
  counterpart,
  start: () => startAdmin({ GENERATION, SESSION_PADDING: '8000' }),
  cases: {
    'nextauth-http.js: pages for who is logged in': async ({ env }) => {
      const { code, output, metrics } = await k6Script('examples/nextauth-http.js', { ...env, DURATION: '2s', PAGES: '/api/auth/session' });
      equal(code, 0, output);
      deepEqual([metrics.checks.fails, metrics.checks.passes > 0], [0, true], output);
    },
    'nextauth-http.js: a provider that there is not': async ({ env }) => {
      const { code, output } = await k6Script('examples/nextauth-http.js', { ...env, DURATION: '2s', PROVIDER: 'ldap' });
      equal(code, 107, output);
      match(output, /Set the option provider to badge or credentials/);
    },
  },
});

function short({ ADMIN_URL: SHORTENER_URL }, CODES) {
  return { SHORTENER_URL, CODES, PAGE_HOST: 'shop.example.com', RATES: '10,20', HOLD: '2s' };
}

export default [shortener, visitors('v5', 'next-auth'), visitors('v4', 'next-auth-4')];
