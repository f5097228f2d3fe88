import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { CannotBeHad } from './cannot-be-had.ts'

/** apt over another suite of the archive that the machine uses, without a change to the machine. */
export interface PrivateApt {
  /** Puts the package's file into the directory. */
  download(packageName: string): Promise<void>
  /**
   * Puts the files of packages, and of all that they depend on, into the directory `archives` below. Returns the paths
   * of those that a machine without any package needs for each list of names, sorted; a name may be a pattern of apt.
   */
  downloadWithDependencies(...lists: readonly (readonly string[])[]): Promise<string[][]>
}

/** Debian's keys, those of later releases among them. */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

export interface PrivateAptOptions {
  /** As Debian names it; nothing of another one than the machine's own can be run. Default: the machine's own. */
  readonly architecture?: 'amd64' | 'arm64'
}

/**
 * Reads the lists of a suite; all that apt keeps lies in `directory`.
 * @throws CannotBeHad if this is not Debian, or the archive has no such suite or cannot be reached
 */
export async function openPrivateApt(
  directory: string,
  suite: string,
  { architecture }: PrivateAptOptions = {},
): Promise<PrivateApt> {
  const sources = path.join(directory, 'sources.list')
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(path.join(directory, name), { recursive: true })
  }
  await writeFile(sources, `deb [signed-by=${keyring}] ${await archiveOf()} ${suite} main\n`)
  const settings = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::Lists=${path.join(directory, 'lists')}`,
    `Dir::Cache=${path.join(directory, 'cache')}`,
    'APT::Sandbox::User=root', // Else apt would lay down its rights and could not read a directory of root's.
    'APT::Update::Error-Mode=any',
    ...(architecture ? [`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`] : []),
  ].flatMap((setting) => ['-o', setting])
  const apt = async (...args: string[]): Promise<void> => {
    const options = { cwd: directory, stdout: process.stderr, stderr: process.stderr, reject: false } as const
    const { failed } = await execa('apt-get', [...settings, ...args], options)
    if (failed) throw new CannotBeHad(`apt-get ${args.join(' ')} failed for Debian ${suite}; its words are above`)
  }
  await apt('update')
  async function downloadWithDependencies(...lists: readonly (readonly string[])[]): Promise<string[][]> {
    const [archives, noPackages] = [path.join(directory, 'archives'), path.join(directory, 'no-packages')]
    await mkdir(path.join(archives, 'partial'), { recursive: true })
    await writeFile(noPackages, '')
    const asIfEmpty = ['-o', `Dir::State::Status=${noPackages}`, '-o', 'Debug::NoLocking=1', '--no-install-recommends']
    const install = [...asIfEmpty, '-qq', '--yes', 'install']
    await apt('-o', `Dir::Cache::Archives=${archives}`, '--download-only', ...install, ...lists.flat())
    const filesOf = async (names: readonly string[]): Promise<string[]> => {
      const { stdout } = await execa('apt-get', [...settings, '--print-uris', ...install, ...names])
      const files = stdout.split('\n').map((line) => line.split(' ')[1] ?? '')
      return files.toSorted().map((file) => path.join(archives, file))
    }
    return Promise.all(lists.map(filesOf))
  }
  return { download: (packageName) => apt('download', packageName), downloadWithDependencies }
}

/** The address from which the machine has its own packages, so that mirrors and proxies serve this too. */
async function archiveOf(): Promise<string> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  const { stdout, failed } = await execa('apt-get', ['indextargets', 'Identifier: Packages'], { reject: false })
  if (failed || typeof stdout !== 'string') throw new CannotBeHad('there is no apt-get: this is not Debian')
  const targets = stdout.split('\n\n').map(fieldsOf)
  const own = targets.find((target) => target.get('Release') === release && target.get('Component') === 'main')
  const uri = own?.get('Repo-URI')
  if (uri === undefined) throw new CannotBeHad(`the sources of apt name no archive for Debian ${release}`)
  return uri
}

function fieldsOf(stanza: string): Map<string, string> {
  const fields = stanza.split('\n').map((line) => /^([^:]+): (.*)$/.exec(line))
  return new Map(fields.filter((field) => field !== null).map(([, name = '', value = '']) => [name, value]))
}
