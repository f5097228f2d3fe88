import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8')

it('an agent in a container is started as it is elsewhere', async () => {
  const script = await read('../../cli/bin/stowage')
  const [, memory = ''] = /^ {2}memory=(\S+)$/m.exec(script) ?? []
  const [, compilers = ''] = /^ {2}compilers='(.+)'$/m.exec(script) ?? []
  const flags = [memory, ...compilers.split(' ')].map((flag) => `'${flag}'`).join(', ')
  expect(await read('./launcher.js')).toContain(`const forAgent = [${flags}]`)
})
