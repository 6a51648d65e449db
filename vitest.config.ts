import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{apps,packages,agents,tools,bench}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    globalSetup: ['apps/server/test/harness/global-setup.ts'],
    pool: 'forks',
    // Beside the two workers runs one PostgreSQL; more workers only wait for each other on two cores.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
