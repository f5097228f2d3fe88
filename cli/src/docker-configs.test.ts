import { mkdtempDisposable, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { createDockerConfigs } from './docker-configs.ts'

async function openScene() {
  await using stack = new AsyncDisposableStack()
  const directory = stack.use(await mkdtempDisposable(path.join(tmpdir(), 'stowage-docker-configs-')))
  const file = path.join(directory.path, 'config.json')
  const write = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  await write('{}')
  const lines: string[] = []
  const configs = createDockerConfigs(pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }))
  const over = new AbortController()
  const following = configs.follow(over.signal)
  stack.defer(async () => {
    over.abort()
    await following
  })
  const opened = stack.move()
  const looks = () => lines.filter((line) => line.includes('credentials of an upstream read')).length
  return { file, write, configs, looks, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

it('are followed once, whoever shares them, and all are told', async () => {
  await using scene = await openScene()
  const told: string[] = []
  for (const who of ['one', 'other']) {
    const config = await scene.configs.open(scene.file)
    config.onChange(() => told.push(who))
    scene.configs.use(new Set([scene.file]))
  }
  await expect.poll(() => told).toEqual(['one', 'other'])
  await scene.write('{"auths":{}}')
  await expect.poll(() => told, { timeout: 20_000 }).toEqual(['one', 'other', 'one', 'other'])
  expect(scene.looks()).toBe(2)
})

it('are looked at no more when nobody names them, and read anew when somebody does again', async () => {
  await using scene = await openScene()
  const named = new Set([scene.file])
  await scene.configs.open(scene.file)
  scene.configs.use(named)
  await expect.poll(scene.looks).toBe(1)
  scene.configs.use(new Set())
  await scene.write('{')
  await expect(scene.configs.open(scene.file)).rejects.toMatchObject({ code: 'invalid' })
  await scene.write('{}')
  await scene.configs.open(scene.file)
  scene.configs.use(named)
  await expect.poll(scene.looks).toBe(2)
})
