/** What a person sees when the server is up. */
import path from 'node:path';
import type { Ready } from '../ready.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..', '..', '..');
const SAMPLE = path.join(ROOT, 'agents', 'data-processor', 'examples', 'orders.csv');

export interface ScreenInput {
  readonly ready: Ready;
  readonly dataDir: string;
  /** Where the person stands: commands are written to work from there. */
  readonly folder: string;
  /** Where log lines go instead of to the screen. */
  readonly logFile: string | undefined;
}

/** Short where it can be: `./…` below the folder, absolute elsewhere. */
function shown(file: string, folder: string): string {
  const relative = path.relative(folder, file);
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? file : `./${relative}`;
}

/** As one word of a shell, inside a text that is itself within double quotes of JavaScript's single ones. */
const quoted = (file: string): string => file.replaceAll(/[\\'"$`]/g, (char) => `\\${char}`);

/** One pipe that runs data-processor on a file of the repository and shows its answer: output, cost, links. */
export function sampleCommand({ ready, dataDir, folder }: Pick<ScreenInput, 'ready' | 'dataDir' | 'folder'>): string {
  const file = quoted(shown(SAMPLE, folder));
  const keyFile = quoted(shown(path.join(dataDir, 'ready.json'), folder));
  return [
    `node -p "JSON.stringify({input:{sources:[{data:fs.readFileSync('${file}','utf8')}]}})" |`,
    `  curl -s '${ready.url}/v1/agents/data-processor/runs?wait=60' --data-binary @- \\`,
    `    -H 'Content-Type: application/json' -H "Authorization: Bearer $(node -p "require('${keyFile}').apiKey")"`,
  ].join('\n');
}

export function readyScreen(input: ScreenInput): string {
  const { ready, dataDir, folder, logFile } = input;
  const lines = [
    '',
    `  Guildhall ${ready.version} is ready:  ${ready.url}`,
    '',
    `  First owner  ${ready.adminUrl}   (works once, for a day)`,
    `  API docs     ${ready.url}/docs/api`,
    `  API key      "apiKey" in ${shown(path.join(dataDir, 'ready.json'), folder)}`,
    ...(logFile === undefined ? [] : [`  Log          ${shown(logFile, folder)}`]),
    '',
    '  Run an agent on a file of this repository (paste into another terminal):',
    '',
    sampleCommand(input).replaceAll(/^/gm, '    '),
    '',
    '  or watch it:   npm run guildhall -- run data-processor --input agents/data-processor/examples/orders.csv --watch',
    '  Stop:          Ctrl-C',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

export function alreadyRunning(running: Ready, dataDir: string): string {
  return [
    `Guildhall ${running.version} is already running on ${dataDir}:`,
    `  ${running.url}   (process ${running.pid})`,
    `Stop it with Ctrl-C where it runs, or: kill ${running.pid}`,
    'Another one beside it needs a folder and a port of its own: GUILDHALL_DATA_DIR=… PORT=… npm start\n',
  ].join('\n');
}
