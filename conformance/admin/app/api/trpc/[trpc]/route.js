import { initTRPC, TRPCError } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import superjson from 'superjson';
import { auth } from '../../../../auth.js';
import { router } from '../../../../queries.js';
import { settings } from '../../../../settings.js';
import { show } from '../../../../show.js';

const t = initTRPC.create(settings.superjson ? { transformer: superjson } : {});
const analytics = router(t, TRPCError, show);

const handler = (req) =>
  fetchRequestHandler({
    endpoint: '/api/trpc',
    req,
    router: analytics,
    createContext: async () => ({ session: await auth() }),
  });

export { handler as GET, handler as POST };
