#!/usr/bin/node --use-system-ca
// What cli/bin/stowage is elsewhere, for an image without a shell.
const main = '/usr/lib/stowage/node_modules/stowage/dist/main.js'
const forAgent = ['--max-semi-space-size=1', '--no-opt', '--no-maglev', '--no-sparkplug']

const args = process.argv.slice(2)
let at = 0
while (args[at]?.startsWith('-')) at += ['--log-level', '--log-format'].includes(args[at]) ? 2 : 1
if (args[at] === 'agent') {
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...forAgent, main, ...args], process.env)
}
await import(main)
