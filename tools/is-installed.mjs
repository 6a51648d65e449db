/** Exits with 0 when node_modules holds every package of package-lock.json in its version, whoever installed it; runs on any Node. */
import { readFileSync } from 'node:fs';

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    // No such file: nothing is installed.
    return {};
  }
};

const installed = packagesOf('node_modules/.package-lock.json');
const isMissing = ([name, wanted]) => {
  // Folders of this repository are linked, not installed; packages for other platforms are optional.
  if (!name.includes('node_modules/')) return false;
  const found = installed[name];
  return found ? found.version !== wanted.version : !wanted.optional;
};
process.exitCode = Object.entries(packagesOf('package-lock.json')).some(isMissing) ? 1 : 0;
