import path from 'node:path'
import { writeKubeconfig } from './kubeconfig.ts'
import type { KubeApi } from './start-kube-api.ts'

const [name, namespace] = ['kubefledged-controller', 'kube-fledged']

/** All that a controller needs in its cluster; pull secrets are granted namespace by namespace. */
const rules = [
  { apiGroups: ['kubefledged.io'], resources: ['imagecaches'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: ['kubefledged.io'], resources: ['imagecaches/status'], verbs: ['patch'] },
  { apiGroups: ['stowage.dev'], resources: ['edgenodes'], verbs: ['get', 'list', 'watch', 'create'] },
  { apiGroups: ['stowage.dev'], resources: ['edgenodes/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: ['imagecaches.kubefledged.io', 'edgenodes.stowage.dev'],
    verbs: ['get'],
  },
]

/** For the Lease by which one of several controllers leads. No name limits what may be created. */
const leaseRules = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    resourceNames: ['stowage-controller'],
    verbs: ['get', 'update'],
  },
]

/** Makes the controller's service account with no more rights than it needs; resolves with a kubeconfig for it. */
export async function makeControllerAccount(kube: KubeApi): Promise<string> {
  const rbac = 'rbac.authorization.k8s.io'
  const metadata = { name }
  await kube.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name, namespace }, rules: leaseRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  )
  const token = await kube.kubectl('create', 'token', name, '--namespace', namespace)
  const file = path.join(kube.files.directory, 'controller.kubeconfig')
  await writeKubeconfig(file, { server: kube.url, token })
  return file
}
