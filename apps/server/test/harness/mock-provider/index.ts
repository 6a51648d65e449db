/** A model provider for tests: the wires of OpenAI and Anthropic, scripted, with every fault a real one has. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerAdmin } from './admin.ts';
import { createRecorder, type Entry } from './record.ts';
import { createScript } from './script.ts';
import { createAnswerer } from './server.ts';
import type { MockProvider, MockProviderOptions } from './types.ts';
import { MOCK_MODELS } from './wires/models.ts';

export type {
  Behaviour,
  Fault,
  MockProvider,
  MockProviderOptions,
  RecordedRequest,
  ScriptedBehaviour,
  Stats,
  ToolCall,
} from './types.ts';
export { FAULTS, STATUS_FAULTS } from './types.ts';
export { vectorOf } from './wires/embeddings.ts';
export { MOCK_MODELS } from './wires/models.ts';
export { wordTokens } from './words.ts';

const HOST = '127.0.0.1';
const RECORD_MAX = 1_000;
/** Longer than clients keep a connection, so that none is closed under a request. */
const KEEP_ALIVE_MS = 75_000;

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, 4096, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function bodyOf(request: IncomingMessage, use: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => use(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
}

/** Starts one on this machine, in this process. */
export async function startMockProvider(options: MockProviderOptions = {}): Promise<MockProvider> {
  const script = createScript();
  const recorder = createRecorder(options.recordMax ?? RECORD_MAX);
  const answer = createAnswerer({ script, recorder, keys: options.keys, models: options.models ?? MOCK_MODELS });
  let openConnections = 0;
  let failure: unknown;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    bodyOf(request, (bytes) => {
      const raw = bytes.toString();
      const { method = 'GET', url: target = '/' } = request;
      const path = target.split('?', 1)[0] ?? target;
      if (path.startsWith('/__mock/')) return void answerAdmin(provider, { path, raw, response }).catch(failed);
      const entry: Entry = {
        method,
        path,
        rawHeaders: request.rawHeaders,
        raw,
        status: 0,
        sent: [],
        sentBytes: 0,
        tokensDelivered: 0,
        outcome: 'open',
      };
      recorder.begin(entry, bytes.length);
      void answer(request, response, entry).catch(failed);
    });
  const failed = (error: unknown): void => {
    failure ??= error;
  };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, onRequest);
  server.on('connection', (socket) => {
    openConnections += 1;
    socket.setNoDelay(true);
    socket.on('close', () => {
      openConnections -= 1;
    });
  });
  const port = await listen(server, options.port ?? 0);
  const accept = async (): Promise<void> => {
    if (!server.listening) await listen(server, port);
  };
  const refuse = async (): Promise<void> => {
    if (server.listening) await stopListening(server);
  };
  const provider: MockProvider = {
    url: `http://${HOST}:${port}`,
    requests: () => recorder.requests(),
    stats: () => recorder.stats(openConnections),
    behave: (...behaviours) => script.add(behaviours),
    async reset() {
      script.clear();
      recorder.reset();
      await accept();
    },
    refuse,
    accept,
    async close() {
      await refuse();
      if (failure !== undefined) throw new Error('the mock provider itself failed', { cause: failure });
    },
  };
  return provider;
}
