import type * as Http from 'node:http'

/**
 * `node:http` as `require` gives it. An import statement reads all that it exports, its WebSocket too, which brings the whole
 * of Node's `fetch` into memory: that an agent has no use for.
 */
export const nodeHttp: typeof Http = process.getBuiltinModule('node:http')
