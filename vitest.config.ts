import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const entry = (name: string): string => fileURLToPath(new URL(`./src/${name}/index.ts`, import.meta.url))

/** Unit tests read the sources, so that a failing line is the line that was written. */
const alias: Record<string, string> = {
  'resip/stack': entry('stack'),
  'resip/dum': entry('dum'),
  'resip/sdp': entry('sdp'),
  'resip/media': entry('media'),
  'resip/testing': entry('testing'),
  'resip/stateless-proxy': fileURLToPath(new URL('./apps/stateless-proxy/proxy.ts', import.meta.url)),
}

const config: ViteUserConfig = defineConfig({
  resolve: { alias },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/sipp/**', 'test/interop/**'],
          execArgv: ['--expose-gc'],
          testTimeout: 30_000,
          // some tests measure time and memory: on a shared machine they are measured again, and what is wrong stays wrong
          retry: process.env.CI ? 2 : 0,
        },
      },
      {
        extends: true,
        test: {
          name: 'sipp',
          include: ['test/sipp/**/*.test.ts'],
          fileParallelism: false,
          // peers are programs of others with clocks of their own: a run that one of them spoils is repeated
          retry: 2,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          fileParallelism: false,
          // peers are programs of others with clocks of their own: a run that one of them spoils is repeated
          retry: 2,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})

export default config
