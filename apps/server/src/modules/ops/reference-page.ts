/** The interactive reference: a page of ours with a script of ours, so that no request leaves for a foreign host. */
import fastify from 'fastify';
import { ICON } from './page-parts.ts';

// Fonts, telemetry and the assistant would call home; the proxy would see customers' keys.
const CONFIGURATION = {
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
};

const escapeAttribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/** The page as HTML; only scripts with this nonce run in it. */
export const referencePage = (nonce: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Guildhall API reference</title>${ICON}</head>
<body><script nonce="${nonce}" id="api-reference" data-url="/openapi.json" data-configuration="${escapeAttribute(JSON.stringify(CONFIGURATION))}"></script><script nonce="${nonce}" src="/docs/api/reference.js"></script></body>
</html>`;

/**
 * The script of the page. It is 4 MB inside its package, which hands it out only through its own plugin, so it is fetched from a server
 * without a port when the first reader comes, and not kept by processes that nobody reads at.
 */
export async function loadReferenceScript(): Promise<string> {
  const { default: plugin } = await import('@scalar/fastify-api-reference');
  const host = fastify();
  await host.register(plugin, { routePrefix: '/r', configuration: { content: '{}' } });
  try {
    const answer = await host.inject('/r/js/scalar.js');
    if (answer.statusCode !== 200) throw new Error(`the reference's script is not where it was: ${answer.statusCode}`);
    return answer.body;
  } finally {
    await host.close();
  }
}
