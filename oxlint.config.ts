import type { OxlintConfig } from 'oxlint'

/** One thing that a zone must not import, and why. `regex` matches the specifier as it is written. */
interface Wall {
  regex: string
  message: string
  allowTypeImports?: boolean
}

const anyOf = (...words: string[]): string => `(?:${words.join('|')})`

const relativePathToRoom: Wall = {
  regex: '^\\.{1,2}/(?:.*/)?(?:mirror|controller|node-agent|cli)/src/',
  message: 'Relative paths never cross rooms: import the package, as in @stowage/mirror/oci/digest.',
}
const cliMain: Wall = {
  regex: '^(?:stowage/|\\.{1,2}/(?:.*/)?)main(?:\\.ts)?$',
  message: 'cli/src/main.ts starts the program: nobody imports it.',
}
const sqlite: Wall = {
  regex: '^better-sqlite3$',
  message: 'SQLite is opened only in node-agent/src/state and cli/src/lock.',
}
const pino: Wall = {
  regex: '^pino$',
  message: 'Only the cli makes a logger; everything else is given one (import type is fine).',
  allowTypeImports: true,
}
const kubernetes: Wall = {
  regex: '^@kubernetes/',
  message: 'A cluster is spoken to only in controller/src/kube.',
}
const grpc: Wall = {
  regex: '^@grpc/',
  message: 'gRPC is spoken only in node-agent/src/runtime/containerd.',
}
const s3: Wall = {
  regex: '^@(?:aws-sdk|smithy)/',
  message: 'S3 is spoken only in mirror/src/store/s3.',
}
const testFolder: Wall = {
  regex: '^(?:@stowage/test(?:/|$)|\\.{1,2}/(?:.*/)?test/(?:house|harness|journeys|conformance|bench|demo|pack)/)',
  message: 'The rooms do not know test/.',
}
const packagesOf = (room: string, ...refused: string[]): Wall => ({
  regex: `^${anyOf(...refused)}(?:/|$)`,
  message: `${room} does not know this room (or is this room: use a relative path).`,
})

const everywhere = [relativePathToRoom, cliMain]
const mirrorWithS3 = [
  ...everywhere,
  grpc,
  kubernetes,
  testFolder,
  packagesOf('mirror', '@stowage/(?:mirror|controller|node-agent)', 'stowage'),
]
const mirror = [...mirrorWithS3, s3]
const controller = [
  ...everywhere,
  s3,
  grpc,
  testFolder,
  packagesOf('controller', '@stowage/(?:controller|node-agent)', 'stowage'),
]
const nodeAgent = [
  ...everywhere,
  s3,
  kubernetes,
  testFolder,
  packagesOf('node-agent', '@stowage/(?:controller|node-agent)', 'stowage'),
]
const cli = [...everywhere, s3, grpc, kubernetes, testFolder, packagesOf('cli', 'stowage')]

const inputAndOutput: Wall[] = [
  {
    regex: `^(?:node:)?${anyOf('child_process', 'cluster', 'dgram', 'dns', 'fs', 'http', 'https', 'http2', 'net', 'os')}(?:/|$)`,
    message: 'This folder is pure: what it needs to know of the world is passed in.',
  },
  {
    regex: `^(?:node:)?${anyOf('process', 'readline', 'sqlite', 'timers', 'tls', 'worker_threads')}(?:/|$)`,
    message: 'This folder is pure: what it needs to know of the world is passed in.',
  },
  {
    regex: `^${anyOf('better-sqlite3', 'fastify', 'p-queue', 'pino', 'tar-stream')}$`,
    message: 'This folder is pure: what it needs to know of the world is passed in.',
  },
  {
    regex: `^${anyOf('@stowage/mirror', '\\.\\.')}/${anyOf('store', 'registry', 'server', 'bundle', 'delta')}/`,
    message: 'This folder is pure and does not call the parts of mirror that do I/O (import type is fine).',
    allowTypeImports: true,
  },
]

const walls = (...patterns: Wall[]): NonNullable<OxlintConfig['rules']> => ({
  'no-restricted-imports': ['error', { patterns }],
})
const tests = ['**/*.{test,conformance}.ts']

/**
 * The rule's options of a later entry replace those of an earlier one, they do not add to them:
 * every zone therefore names all its walls.
 */
const zones: NonNullable<OxlintConfig['overrides']> = [
  { files: ['mirror/src/**'], rules: walls(...mirror, sqlite, pino) },
  { files: ['mirror/src/store/s3/**'], rules: walls(...mirrorWithS3, sqlite, pino) },
  { files: ['controller/src/**'], rules: walls(...controller, kubernetes, sqlite, pino) },
  { files: ['controller/src/kube/**'], rules: walls(...controller, sqlite, pino) },
  { files: ['node-agent/src/**'], rules: walls(...nodeAgent, grpc, sqlite, pino) },
  { files: ['node-agent/src/runtime/containerd/**'], rules: walls(...nodeAgent, sqlite, pino) },
  { files: ['node-agent/src/state/**'], rules: walls(...nodeAgent, pino) },
  { files: ['cli/src/**'], rules: walls(...cli, sqlite) },
  { files: ['cli/src/lock/**'], rules: walls(...cli) },
  { files: ['{build,test}/**'], rules: walls(...everywhere, sqlite) },

  { files: ['mirror/src/**/*.{test,conformance}.ts'], rules: walls(...mirror, sqlite) },
  { files: ['controller/src/**/*.{test,conformance}.ts'], rules: walls(...controller, sqlite) },
  { files: ['node-agent/src/**/*.{test,conformance}.ts'], rules: walls(...nodeAgent, sqlite) },
  { files: ['node-agent/src/state/**/*.{test,conformance}.ts'], rules: walls(...nodeAgent) },

  {
    files: ['mirror/src/{oci,edge}/**'],
    excludeFiles: tests,
    rules: walls(...mirror, ...inputAndOutput),
  },
  {
    files: ['controller/src/plan/**'],
    excludeFiles: tests,
    rules: walls(...controller, kubernetes, ...inputAndOutput),
  },
  { files: ['node-agent/src/plan/**'], excludeFiles: tests, rules: walls(...nodeAgent, ...inputAndOutput) },
]

export default {
  options: { typeAware: true, reportUnusedDisableDirectives: 'error' },
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'vitest'],
  categories: { correctness: 'error' },
  ignorePatterns: ['**/dist/**', '.cache/**', 'not-for-this-room.d.ts'],
  rules: {
    eqeqeq: 'error',
    'max-lines': ['warn', 300],
    complexity: ['warn', 12],
    'no-console': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    'node/no-process-env': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'unicorn/prefer-node-protocol': 'error',
    'vitest/no-focused-tests': 'error',
    // Written for jest: they know neither vitest's message argument nor wrappers, tables and properties.
    'vitest/expect-expect': 'off',
    'vitest/no-conditional-expect': 'off',
    'vitest/valid-describe-callback': 'off',
    'vitest/valid-expect': 'off',
    'vitest/valid-title': 'off',
  },
  overrides: [
    ...zones,
    {
      files: ['cli/**', 'build/**', 'test/**', '*.config.ts'],
      rules: { 'node/no-process-env': 'off', 'no-console': 'off' },
    },
    { files: ['*.config.ts'], rules: { 'import/no-default-export': 'off' } },
  ],
} satisfies OxlintConfig
