import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../harness/free-port.ts'
import { startRestartable, type Restartable } from '../harness/restartable.ts'
import { spawnStowage } from '../harness/stowage.ts'

/** `stowage mirror` that fetches from one registry. It comes back on the port that it had. */
export interface PullingMirror extends Restartable {
  /** Without a slash at its end. */
  readonly url: string
  /** As references begin: `127.0.0.1:PORT`. */
  readonly host: string
}

/** What the registry is called in references, wherever it is. */
export const vendor = 'reg.example'

/**
 * @param settings of the upstream besides its name, as `--upstreams` takes them
 * @param more flags, asked for at each start
 */
export async function startPullingMirror(
  directory: string,
  settings: { readonly url: string },
  more: () => readonly string[] = () => [],
): Promise<PullingMirror> {
  await mkdir(directory, { recursive: true })
  const upstreams = path.join(directory, 'upstreams.yaml')
  // JSON is YAML too.
  await writeFile(upstreams, JSON.stringify({ upstreams: [{ host: vendor, ...settings }] }))
  const host = `127.0.0.1:${await freePort()}`
  const flags = ['--data', path.join(directory, 'data'), '--listen', host, '--upstreams', upstreams]
  const args = ['--log-format', 'json', '--log-level', 'debug', 'mirror', ...flags]
  const mirror = await startRestartable(
    () => spawnStowage([...args, ...more()], { outputFile: path.join(directory, 'mirror.log') }),
    (program) => program.waitForLine(/"msg":"listening"/),
  )
  return { ...mirror, url: `http://${host}`, host }
}

/** Lets containerd ask the mirror, and nobody else, for images of the vendor; gives the directory for `--hosts-dir`. */
export async function writeHostsToml(directory: string, { url }: Pick<PullingMirror, 'url'>): Promise<string> {
  const folder = path.join(directory, vendor)
  await mkdir(folder, { recursive: true })
  const text = `server = "${url}"\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\n`
  await writeFile(path.join(folder, 'hosts.toml'), text)
  return directory
}
