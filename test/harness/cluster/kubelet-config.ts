import path from 'node:path'
import type { ClusterFiles } from './cluster-files.ts'

/** When the kubelet removes images that no container uses: as soon as the disk is so full, until it is so empty. */
export interface ImageGcThresholds {
  readonly highPercent: number
  readonly lowPercent: number
}

interface KubeletConfigOptions {
  readonly files: ClusterFiles
  readonly containerdSocket: string
  readonly cgroupRoot: string
  readonly imageGc: ImageGcThresholds
}

/** A KubeletConfiguration for a machine that is not the kubelet's alone. */
export function kubeletConfig({ files, containerdSocket, cgroupRoot, imageGc }: KubeletConfigOptions): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    failCgroupV1: false,
    failSwapOn: false,
    // A machine of a test may lack the right to make the kernel spare a process.
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    enforceNodeAllocatable: [],
    evictionHard: { 'memory.available': '50Mi' },
    imageGCHighThresholdPercent: imageGc.highPercent,
    imageGCLowThresholdPercent: imageGc.lowPercent,
    podLogsDir: path.join(files.kubelet, 'logs'),
    volumePluginDir: path.join(files.kubelet, 'volume-plugins'),
    resolvConf: '/etc/resolv.conf',
  }
}
