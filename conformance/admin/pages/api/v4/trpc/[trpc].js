import { getServerSession } from 'next-auth-4';
import superjson from 'superjson';
import { initTRPC, TRPCError } from 'trpc-server-11';
import { createNextApiHandler } from 'trpc-server-11/adapters/next';
import { options } from '../../../../auth-v4.js';
import { router } from '../../../../queries.js';
import { settings } from '../../../../settings.js';
import { show } from '../../../../show.js';

const t = initTRPC.create(settings.superjson ? { transformer: superjson } : {});

export default createNextApiHandler({
  router: router(t, TRPCError, show),
  createContext: async ({ req, res }) => ({ session: await getServerSession(req, res, options) }),
});
