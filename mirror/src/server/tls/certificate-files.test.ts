import { mkdtemp, rename, rm, symlink, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCertificate } from '../../registry/fake-certificate.ts'
import { followCertificateFiles, readCertificateFiles, type CertificateFiles } from './certificate-files.ts'
import type { KeyPair } from './key-pair.ts'

function makePair(): KeyPair {
  const { cert, key } = createFakeCertificate()
  return { certificate: cert, key }
}

describe('a certificate in files', () => {
  let directory: string
  let files: CertificateFiles
  const stop = new AbortController()
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'stowage-certificate-'))
    files = { certificate: path.join(directory, 'now/tls.crt'), key: path.join(directory, 'now/tls.key') }
  })
  afterEach(async () => {
    stop.abort()
    await rm(directory, { recursive: true, force: true })
  })

  /** As a kubelet does: all of it changes at once, by a link. */
  async function mount(version: string, { certificate, key }: KeyPair): Promise<void> {
    const at = path.join(directory, version)
    await mkdir(at)
    await writeFile(path.join(at, 'tls.crt'), certificate)
    await writeFile(path.join(at, 'tls.key'), key)
    await symlink(version, path.join(directory, 'link'))
    await rename(path.join(directory, 'link'), path.join(directory, 'now'))
  }

  it('is told once, again when it changes, and stays while what is there is none', async () => {
    const [one, other] = [makePair(), makePair()]
    await mount('1', one)
    const [pairs, warnings]: [KeyPair[], unknown[]] = [[], []]
    const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
    const following = followCertificateFiles(
      files,
      { onPair: (pair) => pairs.push(pair), log, everyMs: 5 },
      stop.signal,
    )
    await expect.poll(() => pairs).toEqual([one])
    await mount('2', { ...other, key: one.key })
    await expect.poll(() => warnings).toHaveLength(1)
    await mount('3', other)
    await expect.poll(() => pairs).toEqual([one, other])
    stop.abort()
    await following
    expect(warnings).toHaveLength(1)
  })

  it('is refused at the start if it is not there, or none', async () => {
    await expect(readCertificateFiles(files)).rejects.toThrow(/tls\.(?:crt|key) cannot be read \(ENOENT\)$/)
    await mount('1', { certificate: 'x', key: 'secret words' })
    const refused = readCertificateFiles(files)
    await expect(refused).rejects.toMatchObject({ code: 'invalid' })
    await expect(refused).rejects.not.toThrow(/secret words/)
  })
})
