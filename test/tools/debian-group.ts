import { mkdir, mkdtempDisposable, glob } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { CannotBeHad } from './cannot-be-had.ts'
import { openPrivateApt } from './private-apt.ts'
import type { ToolGroup } from './tool-group.ts'

interface DebianGroupOptions {
  /** Such as `trixie`; it need not be the machine's own. */
  readonly suite: string
  readonly packageName: string
  /** Of upstream; the revision of the package may change. */
  readonly version: string
  /** One in the package that prints its version: proof that it runs here. */
  readonly program: string
}

/** Programs of one Debian package, unpacked and not installed: those of the machine stay what they are. */
export function debianGroup({ suite, packageName, version, program }: DebianGroupOptions): ToolGroup {
  return {
    version,
    madeFrom: suite,
    async install(target) {
      await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-apt-'))
      const apt = await openPrivateApt(directory.path, suite)
      await apt.download(packageName)
      const [file] = await Array.fromAsync(glob(path.join(directory.path, '*.deb')))
      if (file === undefined) throw new Error(`apt-get downloaded no file for ${packageName}`)
      const unpacked = path.join(directory.path, 'unpacked')
      await execa('dpkg-deb', ['--extract', file, unpacked])
      const { stdout, failed } = await execa(path.join(unpacked, 'usr/bin', program), ['--version'], { reject: false })
      if (failed) throw new CannotBeHad(`${packageName} of ${suite} does not run on this machine`)
      if (!stdout.includes(` ${version}`)) {
        throw new CannotBeHad(`${suite} no longer has ${packageName} ${version} but "${stdout}"`)
      }
      await mkdir(path.dirname(target), { recursive: true })
      await execa('cp', ['--recursive', path.join(unpacked, 'usr/bin'), target])
    },
  }
}
