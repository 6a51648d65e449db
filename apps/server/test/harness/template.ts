/** What the template database and its clones agree on. */
import { fileURLToPath } from 'node:url';

export const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
export const TEMPLATE = 'guildhall_template';

/** Roles are shared by all databases of the test server, so every migration in tests sets these same passwords. */
export const TEST_PASSWORDS = { appPassword: 'app-of-tests', systemPassword: 'system-of-tests' } as const;
