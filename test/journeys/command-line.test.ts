import { mkdir, mkdtempDisposable, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { startCentre } from '../harness/centre.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { holds, untilHeld } from '../harness/node-files.ts'
import { openImageWorks, startSourceRegistry } from '../harness/source-registry.ts'
import { runStowage, spawnStowage } from '../harness/stowage.ts'
import { askCentre, stowageGet } from '../harness/stowage-get.ts'

const commands = [
  'stowage',
  'up',
  'agent',
  'mirror',
  'mirror ls',
  'mirror inspect',
  'mirror rm',
  'mirror copy',
  'mirror gc',
  'get',
  'bundle',
  'bundle export',
  'bundle import',
] as const

describe('help', () => {
  it.concurrent.each(commands)('of "%s" says what there is, with the variables of its flags', async (command) => {
    const words = command === 'stowage' ? [] : command.split(' ')
    const { code, stdout, stderr } = await runStowage([...words, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage: stowage')
    for (const line of flagLines(stdout)) {
      const [, flag = ''] = /--([a-z0-9-]+)/.exec(line.words) ?? []
      if (['help', 'version', 'watch'].includes(flag)) continue
      expect(line.words, `--${flag}`).toMatch(/env: STOWAGE_[A-Z0-9_]+\)/)
    }
  })

  it('leads a newcomer from a centre to a bundle', async () => {
    const { stdout } = await runStowage(['--help'])
    for (const step of ['stowage up', 'stowage agent', 'stowage get', 'stowage bundle export']) {
      expect(stdout).toContain(step)
    }
    expect((await runStowage(['up', '--help'])).stdout).toContain('kind: ImageCache')
    expect((await runStowage(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/)
  })
})

/** The flags in a help text, each with all its words on one line. */
function flagLines(help: string): { words: string }[] {
  const entries = help.split(/\n {2}(?=-)/).slice(1)
  return entries.map((entry) => ({ words: entry.split(/\n(?! {3})/)[0]!.replace(/\s+/g, ' ') }))
}

describe('what is written wrong on the command line', () => {
  const wrong: [args: string[], said: RegExp][] = [
    [['--no-such-flag'], /unknown option '--no-such-flag'/],
    [['up', '--data', 'x', '--caches', 'y', '--no-such-flag'], /unknown option '--no-such-flag'/],
    [['upp'], /unknown command 'upp'|Did you mean up/],
    [['up', '--data', 'x'], /required option '--caches/],
    [['agent', '--data', 'x'], /required option/],
    [['up', '--data', 'x', '--caches', 'y', '--listen', 'nonsense'], /--listen.*"nonsense" is not an address/],
    [['up', '--data', 'x', '--caches', 'y', '--image-cache-refresh-frequency', 'soon'], /frequency.*"soon"/],
    [['get', 'pods'], /Allowed choices are caches, nodes, images/],
    [['get', 'images', '-o', 'xml'], /Allowed choices are table, wide, json/],
    [['get', 'images', '--central', 'ftp://x'], /--central.*not the address of a centre/],
    [['get', 'images', '--central', 'http://user:hunter2@x'], /--central.*not the address of a centre/],
    [['bundle', 'export', '--image', 'x'], /required option '-o, --file/],
    [['bundle', 'export', '-o', 'x.tar'], /nothing to export: name a --cache or an --image/],
    [['bundle', 'export', '-o', 'x.tar', '--image', 'x', '--platform', 'amiga'], /--platform.*amiga/],
    [['agent', '--node', 'Not A Node', '--data', 'x', '--runtime', 'layout:y'], /"Not A Node" is not a node name/],
    [['agent', '--node', 'n', '--data', 'x', '--runtime', 'docker:y'], /--runtime.*docker:y/],
    [['agent', '--node', 'n', '--data', 'x', '--runtime', 'layout:y', '--label', 'no-value'], /--label.*no-value/],
    [
      ['mirror', 'lst', '--untagged', '--data', 'x'],
      /no command 'lst'; there are ls, inspect, rm, copy, gc, scrub, fsck/,
    ],
    [['mirror', 'ls'], /give --data DIRECTORY, or --mirror URL/],
    [['mirror', 'ls', '--data', 'x', '--mirror', 'http://x'], /--data or --mirror, not both/],
    [['mirror', 'ls', '--mirror', 'http://user:hunter2@x'], /--mirror.*without user or query/],
    [['mirror', 'gc', '--mirror', 'http://x'], /--mirror-token-file FILE: a token of the --operator-token-file/],
    [['mirror', 'inspect', 'No:Image', '--data', 'x'], /"No:Image" is not an image of a mirror/],
    [['mirror', 'rm', 'app', '--data', 'x'], /"app" names no image: add :TAG or @DIGEST/],
    [['mirror', 'copy', 'nginx', 'oci:x'], /"nginx" says not where it is; write docker/],
    [['mirror', 'copy', 'docker://nginx', 'mirror:nginx', '--all', '--platform', 'linux/arm64'], /--all.*--platform/],
  ]

  it.concurrent.each(wrong)('is refused: stowage %j', async (args, said) => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-wrong-'))
    const { code, stdout, stderr } = await runStowage(args, { cwd: directory.path })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(said)
    expect(stderr).not.toMatch(/hunter2|bug in Stowage/)
    expect(await readdir(directory.path)).toEqual([])
  })
})

describe('a centre', () => {
  it('that is not there is said to whoever asks', async () => {
    const central = `http://127.0.0.1:${await freePort()}`
    const { code, stderr } = await runStowage(['get', 'images', '--central', central])
    expect(code).toBe(1)
    expect(stderr).toMatch(/the centre does not answer: .*refused.*is "stowage up" running there\? \(--central\)/)
  })

  it.concurrent('is not taken for one when it is another server', async (test) => {
    await using journey = await openJourney(test)
    await using registry = await startSourceRegistry({ directory: journey.at('source') })
    const { code, stderr } = await runStowage(['get', 'images', '--central', registry.url])
    expect(code).toBe(2)
    expect(stderr).toContain('check --central')
  })

  it.concurrent('says that its port is taken, and lets the one that has it live', async (test) => {
    await using journey = await openJourney(test)
    await using registry = await startSourceRegistry({ directory: journey.at('source') })
    const places = ['--caches', journey.at('caches'), '--data', journey.at('data')]
    for (const args of [
      ['up', ...places],
      ['mirror', '--data', journey.at('other')],
    ]) {
      const { code, stderr } = await runStowage([...args, '--listen', registry.host])
      expect(code).toBe(1)
      expect(stderr).toContain(`cannot listen on ${registry.host}: another program has this port; stop it or choose`)
    }
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(200)
  })

  it.concurrent('warns when it is open to others, and ends well with SIGTERM', async (test) => {
    await using journey = await openJourney(test)
    const places = ['--caches', journey.at('caches'), '--data', journey.at('data'), '--listen', '0.0.0.0:0']
    await using up = spawnStowage(['--log-format', 'json', 'up', ...places], { outputFile: journey.at('up.log') })
    await up.waitForLine(/"msg":"listening"/)
    await up.waitForLine(/open: whoever reaches this address.*--htpasswd-file/)
    expect(await up.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  it.concurrent('shows in table, wide and JSON what is where, and watches', async (test) => {
    await using journey = await openJourney(test)
    const works = await openImageWorks(journey.at('made'))
    await using source = await startSourceRegistry({ directory: journey.at('source') })
    const app = await works.push(await works.make(), source, 'app:v1')
    await using centre = await startCentre({ directory: journey.at('centre') })
    const get = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runStowage(['get', ...args], { env: { STOWAGE_CENTRAL: centre.url } })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return stdout
    }
    await using watch = spawnStowage(['get', 'images', '--watch', '--central', centre.url])
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference] })
    await eventually(async () => (await askCentre('caches', centre.url)).length === 1, { withinMs: 20_000 })
    expect(await get('caches')).toContain('shop')
    expect(await get('images')).toContain('app:v1')
    await using agent = await startAgent({
      directory: journey.at('node'),
      central: centre.url,
      labels: { tier: 'a' },
      flags: ['--contact-every', '3s'],
    })
    await untilHeld(agent.layout, [app])
    await watch.waitForLine(/node-1 .*app:v1 .*present/)
    expect(await get('images')).toMatch(/node-1 +127.0.0.1:\d+\/app:v1 +present +\S.* 100 /)
    expect(await get('nodes')).toMatch(/node-1 +online .* 1\/1 /)
    expect(await get('nodes', '-o', 'wide')).toMatch(/tier=a/)
    expect(await get('caches', '-o', 'wide')).toMatch(/default +shop +Succeeded +1\/1 +1\/1 +100/)
    expect(await stowageGet('images', centre.url)).toMatchObject([
      { name: app.reference, caches: ['default/shop'], node: 'node-1', state: 'present', percent: 100, message: '' },
    ])
    const [node] = await stowageGet('nodes', centre.url)
    expect(node?.labels).toMatchObject({ 'kubernetes.io/hostname': 'node-1', 'kubernetes.io/os': 'linux', tier: 'a' })

    await agent.stop()
    const isOffline = async (): Promise<boolean> => (await askCentre('nodes', centre.url))[0]?.online === false
    await eventually(isOffline, { what: 'offline said', withinMs: 20_000 })
    expect(await get('images')).toContain('present (offline)')
  })
})

describe('a data directory', () => {
  it.concurrent('is used by one agent only, and the first one lives on', async (test) => {
    await using journey = await openJourney(test)
    const works = await openImageWorks(journey.at('made'))
    await using source = await startSourceRegistry({ directory: journey.at('source') })
    const [one, two] = [
      await works.push(await works.make({ seed: 'one' }), source, 'one:v1'),
      await works.push(await works.make({ seed: 'two' }), source, 'two:v1'),
    ]
    await using centre = await startCentre({ directory: journey.at('centre') })
    await using agent = await startAgent({ directory: journey.at('node'), central: centre.url })
    await writeImageCache(centre.caches, { name: 'shop', images: [one.reference] })
    await untilHeld(agent.layout, [one])
    const same = ['--data', agent.data, '--runtime', `layout:${journey.at('other')}`]
    const second = await runStowage(['agent', '--central', centre.url, '--node', 'other', ...same])
    expect(second.code).toBe(1)
    expect(second.stderr).toMatch(/--data .* is in use by another Stowage process; stop that one or choose/)
    const places = ['--caches', centre.caches, '--data', centre.data, '--listen', '127.0.0.1:0']
    const secondCentre = await runStowage(['up', ...places])
    expect(secondCentre.code).toBe(1)
    expect(secondCentre.stderr).toMatch(/in use by another Stowage process/)
    await writeImageCache(centre.caches, { name: 'shop', images: [one.reference, two.reference] })
    await untilHeld(agent.layout, [one, two])
  })

  it.concurrent('of a newer version, of another kind, or of somebody else is left as it is', async (test) => {
    await using journey = await openJourney(test)
    const works = await openImageWorks(journey.at('made'))
    await using source = await startSourceRegistry({ directory: journey.at('source') })
    const app = await works.push(await works.make(), source, 'app:v1')
    await using centre = await startCentre({ directory: journey.at('centre') })
    await using agent = await startAgent({ directory: journey.at('node'), central: centre.url })
    await writeImageCache(centre.caches, { name: 'shop', images: [app.reference] })
    await untilHeld(agent.layout, [app])
    await agent.stop()
    await centre.stop()

    const node = ['--central', centre.url, '--node', 'node-1', '--runtime', `layout:${agent.layout}`]
    const asAgent = (data: string): string[] => ['agent', ...node, '--data', data]
    const up = ['up', '--caches', centre.caches, '--listen', '127.0.0.1:0']
    const asCentre = (data: string): string[] => [...up, '--data', data]
    await mkdir(journey.at('holiday'))
    await writeFile(journey.at('holiday', 'photo.jpg'), 'sun')
    await writeFile(journey.at('file'), 'no directory')
    const refused: [args: string[], said: RegExp][] = [
      [asAgent(centre.data), /belongs to a Stowage mirror, not to a Stowage agent|belongs to a Stowage mirror/],
      [asCentre(agent.data), /belongs to a Stowage agent/],
      [['mirror', '--data', agent.data, '--listen', '127.0.0.1:0'], /belongs to a Stowage agent/],
      [asAgent(journey.at('holiday')), /holds other files \(photo\.jpg\); choose an empty directory/],
      [asCentre(journey.at('holiday')), /holds other files \(photo\.jpg\); choose an empty directory/],
      [asAgent(journey.at('file')), /is not a directory/],
    ]
    await expectRefusals(refused)

    const [newerAgent, newerCentre] = [await makeNewer(agent.data), await makeNewer(centre.data)]
    await expectRefusals([
      [asAgent(agent.data), /was written by a newer Stowage .*upgrade this one/],
      [asCentre(centre.data), /was written by a newer Stowage .*upgrade this one/],
    ])
    await newerAgent.undo()
    await newerCentre.undo()
    await holds(agent.layout, [app])
    await centre.start()
    await agent.start()
    const isOnline = async (): Promise<boolean> => (await askCentre('nodes', centre.url))[0]?.online === true
    await eventually(isOnline, { what: 'the node online', withinMs: 20_000 })
    expect(await readdir(journey.at('holiday'))).toEqual(['photo.jpg'])
  })

  it.concurrent('may hold no layout that is damaged, or none at all', async (test) => {
    await using journey = await openJourney(test)
    const start = (layout: string): ReturnType<typeof runStowage> =>
      runStowage(['agent', '--node', 'node-1', '--data', journey.at('data'), '--runtime', `layout:${layout}`])
    await mkdir(journey.at('damaged'))
    await writeFile(journey.at('damaged', 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    await writeFile(journey.at('damaged', 'index.json'), '{"schemaVersion":2,"manifests":[')
    const damaged = await start(journey.at('damaged'))
    expect(damaged.code).toBe(2)
    expect(damaged.stderr).toMatch(/index\.json is not JSON .*repair it, or move the directory away/)
    expect(await readFile(journey.at('damaged', 'index.json'), 'utf8')).toBe('{"schemaVersion":2,"manifests":[')
  })
})

async function expectRefusals(refused: readonly [args: string[], said: RegExp][]): Promise<void> {
  for (const [args, said] of refused) {
    const { code, stderr } = await runStowage(args)
    expect(code, stderr).toBe(2)
    expect(stderr).toMatch(said)
  }
}

/** Lets a data directory say that a version of the future wrote it. */
async function makeNewer(data: string): Promise<{ undo(): Promise<void> }> {
  const file = path.join(data, 'stowage.json')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/"version":\d+/, '"version":99'))
  return { undo: () => writeFile(file, text) }
}
