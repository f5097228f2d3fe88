import { debianGroup } from './debian-group.ts'
import { goGroup } from './go-group.ts'
import type { ToolGroup } from './tool-group.ts'

const containerd = 'github.com/containerd/containerd/v2'
const kubernetes = 'k8s.io/kubernetes/cmd'

const groups = {
  conformance: goGroup({
    module: 'conformance',
    programs: { conformance: 'github.com/opencontainers/distribution-spec/conformance' },
  }),
  'containerd-1.7': debianGroup({
    suite: 'trixie',
    packageName: 'containerd',
    version: '1.7.24',
    program: 'containerd',
  }),
  'containerd-2': goGroup({
    module: 'containerd',
    programs: {
      containerd: `${containerd}/cmd/containerd`,
      'containerd-shim-runc-v2': `${containerd}/cmd/containerd-shim-runc-v2`,
      ctr: `${containerd}/cmd/ctr`,
    },
    variables: (version) => ({ [`${containerd}/version.Version`]: `v${version}` }),
  }),
  crane: goGroup({ module: 'crane', programs: { crane: 'github.com/google/go-containerregistry/cmd/crane' } }),
  etcd: goGroup({ module: 'etcd', programs: { etcd: 'go.etcd.io/etcd/server/v3' } }),
  helm: goGroup({ module: 'helm', programs: { helm: 'helm.sh/helm/v4/cmd/helm' } }),
  kubeconform: goGroup({
    module: 'kubeconform',
    programs: { kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform' },
  }),
  kubernetes: goGroup({
    module: 'kubernetes',
    programs: {
      'kube-apiserver': `${kubernetes}/kube-apiserver`,
      'kube-controller-manager': `${kubernetes}/kube-controller-manager`,
      'kube-scheduler': `${kubernetes}/kube-scheduler`,
      kubectl: `${kubernetes}/kubectl`,
      kubelet: `${kubernetes}/kubelet`,
    },
    variables: kubernetesVersion,
  }),
  oras: goGroup({ module: 'oras', programs: { oras: 'oras.land/oras/cmd/oras' } }),
  versitygw: goGroup({
    module: 'versitygw',
    programs: { versitygw: 'github.com/versity/versitygw/cmd/versitygw' },
  }),
} satisfies Record<string, ToolGroup>

export type ToolGroupName = keyof typeof groups

/** All groups, by the names that `npm run tools` takes. */
export const toolGroups: Readonly<Record<ToolGroupName, ToolGroup>> = groups

/** Without a version the components of Kubernetes refuse to work with each other. */
function kubernetesVersion(version: string): Record<string, string> {
  const [major = '', minor = ''] = version.split('.')
  const inPackage = 'k8s.io/component-base/version'
  return {
    [`${inPackage}.gitVersion`]: `v${version}`,
    [`${inPackage}.gitMajor`]: major,
    [`${inPackage}.gitMinor`]: minor,
  }
}
