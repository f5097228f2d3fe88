import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { skopeoPush } from '../harness/skopeo-push.ts'
import { verifyLayout } from '../harness/verify-layout.ts'
import { makeImage, makeIndex } from '../image-maker/make-image.ts'
import { createOciLayout } from '../image-maker/oci-layout.ts'
import { putArtifact } from '../image-maker/put-artifact.ts'
import { randomLayer, smallImage } from '../image-maker/small-image.ts'
import { toolDirectory } from '../tools/tool-directory.ts'
import { digestAt, mediaTypeAt } from './client-images.ts'
import { startMirror } from './start-mirror.ts'

const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-formats-'))
const crane = async (...args: string[]): Promise<string> =>
  (await execa(path.join(toolDirectory('crane'), 'crane'), [...args, '--insecure'])).stdout
const oras = async (...args: string[]): Promise<string> =>
  (await execa(path.join(toolDirectory('oras'), 'oras'), args)).stdout
const toMirror = ['--to-plain-http']
const between = ['--from-plain-http', ...toMirror]

requirePart(
  'crane',
  'oras',
  'skopeo',
)('an image', () => {
  it('of zstd layers is pushed, copied, pulled and deleted as it is', async () => {
    await using directory = await temporary()
    await using mirror = await startMirror(directory.path)
    const layout = await createOciLayout(path.join(directory.path, 'layout'))
    const layers = [{ ...randomLayer(50_000, 'zstd'), compression: 'zstd' as const }]
    const platform = { os: 'linux', architecture: 'amd64' }
    const { manifest } = await makeImage({ layout, name: 'app:zstd', platform, layers })
    await skopeoPush({ layout, name: 'app:zstd', reference: `${mirror.host}/a/zstd:v1` })
    await crane('copy', `${mirror.host}/a/zstd:v1`, `${mirror.host}/b/zstd:v1`)
    expect(await digestAt(mirror.url, 'b/zstd', 'v1')).toBe(manifest.digest)
    expect(await crane('manifest', `${mirror.host}/b/zstd:v1`)).toContain('application/vnd.oci.image.layer.v1.tar+zstd')

    const out = path.join(directory.path, 'out')
    const from = `docker://${mirror.host}/b/zstd:v1`
    await execa('skopeo', ['copy', '--src-tls-verify=false', '--preserve-digests', from, `oci:${out}:app`])
    await verifyLayout(out, { name: 'app', root: manifest.digest, ...platform })
    await crane('delete', `${mirror.host}/b/zstd@${manifest.digest}`)
    expect([await digestAt(mirror.url, 'b/zstd', 'v1'), await digestAt(mirror.url, 'a/zstd', 'v1')]).toEqual([
      null,
      manifest.digest,
    ])
  })

  it('under an index under an index is pushed and copied with all that it names', async () => {
    await using directory = await temporary()
    await using mirror = await startMirror(directory.path)
    const layout = await createOciLayout(path.join(directory.path, 'layout'))
    const images = await Promise.all(
      ['amd64', 'arm64'].map((architecture) =>
        smallImage(layout, { platform: { os: 'linux', architecture }, seed: architecture }),
      ),
    )
    const inner = await makeIndex(layout, images)
    const artifact = await putArtifact(layout, 'application/vnd.example.chart')
    const outer = await layout.putJson(mediaTypes.index, {
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [inner.index, artifact],
    })
    await layout.name(outer, 'nested')

    await oras('cp', '--from-oci-layout', ...toMirror, `${layout.directory}:nested`, `${mirror.host}/a/nested:v1`)
    await crane('copy', `${mirror.host}/a/nested:v1`, `${mirror.host}/b/nested:v1`)
    await oras('cp', ...between, `${mirror.host}/b/nested:v1`, `${mirror.host}/c/nested:v1`)
    for (const repository of ['a/nested', 'b/nested', 'c/nested']) {
      expect(await digestAt(mirror.url, repository, 'v1')).toBe(outer.digest)
      for (const { digest } of [inner.index, artifact, ...images.map(({ manifest }) => manifest)]) {
        expect(await digestAt(mirror.url, repository, digest)).toBe(digest)
      }
    }
  })

  it('in Docker form under a list of Docker keeps its form on every way', async () => {
    await using directory = await temporary()
    await using mirror = await startMirror(directory.path)
    const layout = await createOciLayout(path.join(directory.path, 'layout'))
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }))
    const images = platforms.map((platform) => smallImage(layout, { platform, seed: platform.architecture }))
    await makeIndex(layout, await Promise.all(images), { name: 'app' })
    const reference = `${mirror.host}/a/docker:v1`
    const flags = ['--all', '--format=v2s2', '--dest-tls-verify=false']
    await execa('skopeo', ['copy', ...flags, `oci:${layout.directory}:app`, `docker://${reference}`])
    expect(await mediaTypeAt(mirror.url, 'a/docker', 'v1')).toBe(
      'application/vnd.docker.distribution.manifest.list.v2+json',
    )

    await crane('copy', reference, `${mirror.host}/b/docker:v1`)
    await oras('cp', ...between, reference, `${mirror.host}/c/docker:v1`)
    const digest = await digestAt(mirror.url, 'a/docker', 'v1')
    for (const repository of ['b/docker', 'c/docker']) expect(await digestAt(mirror.url, repository, 'v1')).toBe(digest)
    expect(await crane('validate', '--remote', `${mirror.host}/b/docker:v1`)).toMatch(/^PASS/)
  })
})

requirePart('crane', 'oras')('a signature', () => {
  it('is carried as a tag and as a referrer, listed, and deleted without the image', async () => {
    await using directory = await temporary()
    await using mirror = await startMirror(directory.path)
    const layout = await createOciLayout(path.join(directory.path, 'layout'))
    const { manifest } = await smallImage(layout, { name: 'app' })
    const signature = await putArtifact(layout, 'application/vnd.dev.cosign.simplesigning.v1+json')
    const bundle = await putArtifact(layout, 'application/vnd.dev.sigstore.bundle.v0.3+json', manifest)
    // A signature of the signature: referrers have referrers.
    const witness = await putArtifact(layout, 'application/vnd.example.witness', bundle)
    const tag = `${manifest.digest.replace(':', '-')}.sig`
    for (const [target, name] of [
      [signature, tag],
      [bundle, 'bundle'],
      [witness, 'witness'],
    ] as const) {
      await layout.name(target, name)
    }
    const [one, two] = [`${mirror.host}/a/app`, `${mirror.host}/b/app`]
    const push = (name: string, at: string): Promise<string> =>
      oras('cp', '--from-oci-layout', ...toMirror, `${layout.directory}:${name}`, `${one}${at}`)
    await push('app', ':v1')
    await push(tag, `:${tag}`)
    await push('bundle', `@${bundle.digest}`)
    await push('witness', `@${witness.digest}`)
    const referrersOf = async (repository: string, { digest }: Descriptor): Promise<unknown> => {
      const response = await fetch(`${mirror.url}/v2/${repository}/referrers/${digest}`)
      const { manifests } = (await response.json()) as { manifests: { digest: string; artifactType: string }[] }
      return manifests.map(({ artifactType }) => artifactType)
    }
    const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
    expect(await referrersOf('a/app', manifest)).toEqual([bundleType])

    await oras('cp', '--recursive', ...between, `${one}:v1`, `${two}:v1`)
    await crane('copy', `${one}:${tag}`, `${two}:${tag}`)
    expect(await crane('ls', two)).toBe(`${tag}\nv1`)
    expect(await referrersOf('b/app', manifest)).toEqual([bundleType])
    expect(await referrersOf('b/app', bundle)).toEqual(['application/vnd.example.witness'])

    await crane('delete', `${two}:${tag}`)
    await oras('manifest', 'delete', '--plain-http', '--force', `${two}@${bundle.digest}`)
    expect(await crane('ls', two)).toBe('v1')
    expect(await referrersOf('b/app', manifest)).toEqual([])
    expect(await digestAt(mirror.url, 'b/app', 'v1')).toBe(manifest.digest)
    expect(await referrersOf('a/app', manifest)).toEqual([bundleType])
    expect(await crane('ls', one)).toBe(`${tag}\nv1`)
  })
})
