import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderChart } from '../harness/helm.ts'
import { applyDefinitions } from '../harness/kube/cluster-site.ts'
import { startKubeApi } from '../harness/kube/start-kube-api.ts'
import { writeSchemas } from '../harness/kube/write-schemas.ts'
import { checkConformity } from '../harness/kubeconform.ts'
import { eventually } from '../harness/eventually.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'
import { installations } from './installations.ts'

/** All that our files and those of a user may have. */
const apiVersions = [
  'v1',
  'apps/v1',
  'policy/v1',
  'coordination.k8s.io/v1',
  'networking.k8s.io/v1',
  'rbac.authorization.k8s.io/v1',
  'admissionregistration.k8s.io/v1',
  'apiextensions.k8s.io/v1',
  'kubefledged.io/v1alpha2',
  'stowage.dev/v1alpha1',
]

requirePart(
  'kubeconform',
  'kube-api',
  'helm',
)('by the schemas of a real API server, kubeconform finds no fault', () => {
  let directory: string
  let schemas: string
  const at = (name: string): string => path.join(directory, name)

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'stowage-conform-'))
    schemas = at('schemas')
    await using kube = await startKubeApi({ directory: at('kube') })
    await applyDefinitions(kube)
    // The server takes its time to tell of a new definition there.
    await eventually(() => writeSchemas(kube, schemas, apiVersions).then(() => true), { withinMs: 30_000 })
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  async function check(text: string): Promise<string[]> {
    await writeFile(at('objects.yaml'), text)
    const { objects, faults } = await checkConformity(schemas, at('objects.yaml'))
    expect(objects).not.toEqual([])
    return [...faults]
  }

  describe.each(Object.entries(installations))('with the chart %s', (_, values) => {
    it('as helm renders it', async () => {
      expect(await check(await renderChart(values))).toEqual([])
    })
  })

  it.each(['deploy/crds', 'deploy/manifests'])('with the files of %s', async (name) => {
    const files = (await readdir(path.join(projectDirectory, name))).filter((file) => file.endsWith('.yaml'))
    const { objects, faults } = await checkConformity(
      schemas,
      ...files.map((file) => path.join(projectDirectory, name, file)),
    )
    expect(objects.length).toBeGreaterThan(1)
    expect(faults).toEqual([])
  })

  it.each([
    ['a field that is not there', { 'podSecurityContext.runAsUsr': 5 }, /Deployment\/.*'runAsUsr'/],
    ['a value of another type', { 'podSecurityContext.runAsUser': 'me' }, /Deployment\/.*want integer/],
    ['a value that is none of those', { 'networkPolicy.allowedFrom': [{ ipBlock: { except: [] } }] }, /cidr/],
  ])('but %s', async (_, values, words) => {
    expect((await check(await renderChart(values))).join('\n')).toMatch(words)
  })

  it.each([
    ['of a wish that is misspelt', 'cacheSpec: [{ images: [a], nodeSelctor: {} }]', /nodeSelctor/],
    ['of a name that is none', 'cacheSpec: [{ images: ["a; reboot"] }]', /pattern/],
    ['of nothing', 'cacheSpec: [{ images: [nginx:1.23.1] }]', undefined],
  ])('in an ImageCache: %s', async (_, spec, words) => {
    const object = `apiVersion: kubefledged.io/v1alpha2\nkind: ImageCache\nmetadata: { name: a }\nspec:\n  ${spec}\n`
    expect((await check(object)).join('\n')).toMatch(words ?? /^$/)
  })

  it('but a kind that nobody knows', async () => {
    const faults = await check('apiVersion: v1\nkind: Pot\nmetadata: { name: a }\n')
    expect(faults).toEqual([expect.stringContaining('could not find schema for Pot')])
  })
})
