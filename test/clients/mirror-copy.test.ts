import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { describe, expect, it } from 'vitest'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { runStowage, spawnStowage } from '../harness/stowage.ts'
import { verifyLayout } from '../harness/verify-layout.ts'
import { sizeOf } from '../image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'
import { startLink, type RunningLink } from '../link/start-link.ts'
import { digestAt, makeClientImage } from './client-images.ts'
import { startMirror } from './start-mirror.ts'

const mebibyte = 1024 * 1024

/** Runs `stowage mirror copy`, and gives what it says of the copy. */
async function copy(source: string, destination: string, ...flags: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runStowage(['mirror', 'copy', source, destination, ...flags, '-o', 'json'])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Record<string, unknown>
}

/** Something that speaks of a manifest, by its subject or by a tag. */
async function putArtifact(layout: OciLayout, type: string, { subject, name }: { subject?: Descriptor; name: string }) {
  const config = await layout.putJson(mediaTypes.empty, {})
  const layer = await layout.put('application/octet-stream', [Buffer.from(`${type} ${name}`)])
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: type,
    config,
    layers: [layer],
    subject,
  }
  const manifest = await layout.putJson(mediaTypes.manifest, document)
  await layout.name(manifest, name)
  return manifest
}

const hexOf = ({ digest }: Descriptor): string => digest.slice('sha256:'.length)
const namesAt = async (url: string, repository: string): Promise<unknown> =>
  ((await (await fetch(`${url}/v2/${repository}/tags/list`)).json()) as { tags: string[] }).tags.toSorted()

describe('stowage mirror copy without a registry', () => {
  it('keeps the only name of a layout as the tag, and tells of what has none', async () => {
    await using journey = await openJourney()
    const layout = await createOciLayout(journey.at('layout'))
    const { manifest } = await smallImage(layout, { name: 'v1' })
    const data = journey.at('data')
    expect(await copy(`oci:${layout.directory}`, `data:${data}:a/b`)).toMatchObject({ tag: 'v1' })
    const args = ['mirror', 'copy', `oci:${layout.directory}@${manifest.digest}`, `data:${data}:c`]
    expect(await runStowage(args)).toMatchObject({ code: 0, stderr: expect.stringContaining('no tag') as string })
    const listed = await runStowage(['mirror', 'ls', '--data', data])
    expect(listed.stdout).toMatch(/^a\/b +v1 /m)
  })

  it('takes an image that is in no index only for what its configuration says that it runs on', async () => {
    await using journey = await openJourney()
    const layout = await createOciLayout(journey.at('layout'))
    await smallImage(layout, { name: 'amd' })
    await putArtifact(layout, 'application/x.thing', { name: 'thing' })
    const onto = (name: string, ...platforms: string[]) => {
      const wanted = platforms.flatMap((platform) => ['--platform', platform])
      return runStowage(['mirror', 'copy', `oci:${layout.directory}:${name}`, `oci:${journey.at('out')}`, ...wanted])
    }
    const refused = await onto('amd', 'linux/arm64', 'linux/s390x')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/:amd: it is for linux\/amd64; none of linux\/arm64, linux\/s390x is to be had/)
    await expect(readFile(journey.at('out/index.json'))).rejects.toThrow('ENOENT')
    expect(await onto('amd', 'linux/arm64', 'linux/amd64')).toMatchObject({ code: 0 })
    expect(await onto('thing', 'linux/arm64')).toMatchObject({ code: 0 })
  })

  it('writes nothing behind an archive on standard output', async () => {
    await using journey = await openJourney()
    const layout = await createOciLayout(journey.at('layout'))
    await smallImage(layout, { name: 'v1' })
    const { code, stdout, stderr } = await runStowage(['mirror', 'copy', `oci:${layout.directory}`, 'oci-archive:-'])
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('oci-archive:-: v1 is sha256:')
    expect(stdout).not.toContain('oci-archive:-')
    expect(stdout.endsWith('\0'.repeat(1024))).toBe(true)
  })
})

requirePart('docker-registry')('stowage mirror copy', () => {
  it('carries an image with all that speaks of it through a registry, a data directory and back', async () => {
    await using journey = await openJourney()
    const { layout, image, name } = await makeClientImage(journey.directory)
    const { index } = image
    const arm = image.images[1]!.manifest
    const sbom = await putArtifact(layout, 'application/spdx+json', { subject: index, name: 'sbom' })
    const counter = await putArtifact(layout, 'application/x.signature', { subject: sbom, name: 'counter' })
    await putArtifact(layout, 'application/vnd.stowage.delta.v1+json', { subject: index, name: 'ours' })
    const cosign = `sha256-${hexOf(arm)}.sig`
    await putArtifact(layout, 'application/x.cosign', { name: cosign })
    await using registry = await startDockerRegistry({ directory: journey.at('registry') })

    const there = await copy(`oci:${layout.directory}:${name}`, `docker://${registry.host}/team/app:v1`)
    expect(there).toMatchObject({ digest: index.digest, referrers: 3, platforms: ['linux/amd64', 'linux/arm64'] })
    // It keeps no lists of what speaks of a manifest: a tag stands in for each.
    expect(await namesAt(registry.url, 'team/app')).toEqual(
      [`sha256-${hexOf(index)}`, cosign, `sha256-${hexOf(sbom)}`, 'v1'].toSorted(),
    )

    const data = journey.at('data')
    const here = await copy(`docker://${registry.host}/team/app:v1`, 'mirror:team/app:v1', '--data', data)
    expect(here).toMatchObject({ digest: index.digest, referrers: 3 })
    const inspected = await runStowage(['mirror', 'inspect', 'team/app:v1', '--data', data, '-o', 'json'])
    expect(JSON.parse(inspected.stdout)).toMatchObject({ completeness: 'whole', tags: ['v1'] })
    const { referrers } = JSON.parse(inspected.stdout) as { referrers: { digest: string; tags: string[] }[] }
    expect(referrers.map(({ digest }) => digest)).toEqual(expect.arrayContaining([sbom.digest, counter.digest]))
    expect(referrers.flatMap(({ tags }) => tags)).toEqual([cosign])

    const out = journey.at('out')
    const back = await copy('mirror:team/app:v1', `oci:${out}:back`, '--data', data)
    expect(back).toMatchObject({ digest: index.digest, referrers: 3 })
    for (const { manifest } of image.images) {
      const { os, architecture } = manifest.platform!
      await verifyLayout(out, { name: 'back', root: index.digest, os, architecture })
    }
    const listed = JSON.parse(await readFile(path.join(out, 'index.json'), 'utf8')) as { manifests: Descriptor[] }
    expect(listed.manifests.map(({ digest }) => digest)).toEqual(
      expect.arrayContaining([index.digest, sbom.digest, counter.digest]),
    )

    const again = await copy('mirror:team/app:v1', `docker://${registry.host}/team/app:v1`, '--data', data)
    expect(again).toMatchObject({ bytesCopied: 0 })
  })

  it('carries one platform under the whole index to who takes that', async () => {
    await using journey = await openJourney()
    const { layout, image, name } = await makeClientImage(journey.directory)
    await using registry = await startDockerRegistry({ directory: journey.at('registry') })
    const source = `oci:${layout.directory}:${name}`
    const wanted = ['--platform', 'linux/arm64']
    await copy(source, 'mirror:app:v1', '--data', journey.at('data'), ...wanted)
    const listed = await runStowage(['mirror', 'ls', '--data', journey.at('data')])
    expect(listed.stdout).toContain('sparse: 1 of 2 platforms')
    const refused = await runStowage(['mirror', 'copy', source, `docker://${registry.host}/app:v1`, ...wanted])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('this registry takes indexes only whole')
    expect(await digestAt(registry.url, 'app', 'v1')).toBeNull()
    expect(image.images).toHaveLength(2)
  })
})

requirePart('docker-registry')('stowage mirror copy over a link that is cut', () => {
  const layerSizes = [6 * mebibyte, 3 * mebibyte]

  it('fetches each byte once, though it is killed in the middle', async () => {
    await using journey = await openJourney()
    const works = await openImageWorks(journey.at('made'))
    const image = await works.make({ seed: 'cut', layerSizes })
    await using registry = await startDockerRegistry({ directory: journey.at('registry') })
    await works.push(image, registry, 'app:v1')
    await using link = await startLink({ upstream: registry.url, rate: 8_000_000 })
    const args = ['mirror', 'copy', `docker://${link.host}/app:v1`, 'mirror:app:v1', '--data', journey.at('data')]
    const carried = async (): Promise<number> => (await link.stats()).total.blobBytes

    await using killed = spawnStowage(args, { outputFile: journey.at('killed.log') })
    await eventually(async () => (await carried()) > image.size / 3, { what: 'a third of it', everyMs: 10 })
    await link.cut('reset', { durationMs: 300 })
    await eventually(async () => (await carried()) > (2 * image.size) / 3, { what: 'two thirds', everyMs: 10 })
    await killed.kill('SIGKILL')
    const listed = await runStowage(['mirror', 'ls', '--data', journey.at('data')])
    expect(listed).toMatchObject({ code: 0, stderr: 'there are no images' })
    const ended = await runStowage(args)
    expect(ended).toMatchObject({ code: 0 })
    // What the process had not written yet when it was killed, and what the kernel held, comes again.
    expect((await carried()) / image.size).toBeLessThan(1.25)
    expect((await runStowage(['mirror', 'ls', '--data', journey.at('data')])).stdout).toMatch(/app +v1 .*whole/)
  })

  it('sends to a mirror only what it has not got when the link was cut, and to any registry until it has it', async () => {
    await using journey = await openJourney()
    const works = await openImageWorks(journey.at('made'))
    const image = await works.make({ seed: 'up', layerSizes })
    await works.layout.name(image.manifest, 'v1')
    await using mirror = await startMirror(journey.at('mirror'))
    await using registry = await startDockerRegistry({ directory: journey.at('registry') })
    const push = async (link: RunningLink, cuts: number): Promise<Record<string, unknown>> => {
      const pushed = copy(`oci:${works.layout.directory}:v1`, `docker://${link.host}/app:v1`)
      const third = sizeOf(image.layers) / 3
      for (let part = 1; part <= cuts; part++) {
        await eventually(async () => (await link.stats()).total.upBytes > part * third, { everyMs: 10, what: 'a part' })
        await link.cut('reset', { durationMs: 200 })
      }
      return await pushed
    }
    await using toMirror = await startLink({ upstream: mirror.url, rate: 8_000_000 })
    const { bytes, bytesCopied } = await push(toMirror, 2)
    expect(bytesCopied).toBe(bytes)
    expect(await digestAt(mirror.url, 'app', 'v1')).toBe(image.manifest.digest)
    expect((await toMirror.stats()).total.upBytes / image.size).toBeLessThan(1.25)
    await using toRegistry = await startLink({ upstream: registry.url, rate: 16_000_000 })
    await push(toRegistry, 1)
    expect((await runStowage(['mirror', 'ls', '--mirror', registry.url])).stdout).toMatch(/app +v1 .* whole$/m)
  })
})
