/** Secrets in files, one each, as an orchestrator mounts them. */
import { open } from 'node:fs/promises';
import { DOCUMENT_MAX_BYTES, type SecretDocument, SecretFault } from './types.ts';

const OTHERS = 0o077;
const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'cannot be read by this user',
  EISDIR: 'is a folder',
  ENOTDIR: 'does not exist',
};

/** The content without the line end that editors add. What others may read is no secret, and is refused. @throws SecretFault */
export async function readSecretFile(path: string): Promise<SecretDocument> {
  try {
    // One handle for look and read: what is judged is what is read.
    const handle = await open(path, 'r');
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new SecretFault(`the file ${path} is no ordinary file`);
      if ((found.mode & OTHERS) !== 0)
        throw new SecretFault(`the file ${path} can be read by others; run: chmod 600 ${path}`);
      if (found.size > DOCUMENT_MAX_BYTES)
        throw new SecretFault(`the file ${path} is larger than ${DOCUMENT_MAX_BYTES} bytes`);
      const text = (await handle.readFile('utf8')).replace(/\r?\n$/, '');
      if (text.trim() === '') throw new SecretFault(`the file ${path} is empty`);
      return { kind: 'text', text };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof SecretFault) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new SecretFault(`the file ${path} ${WHY[code] ?? 'cannot be read'}`, { cause: error });
  }
}
