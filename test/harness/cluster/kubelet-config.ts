import path from 'node:path'
import { nameServer } from './cluster-commands.ts'
import type { ClusterFiles } from './cluster-files.ts'

interface KubeletConfigOptions {
  readonly files: ClusterFiles
  readonly containerdSocket: string
  readonly cgroupRoot: string
  /** Whether it is to take the disk for full. */
  readonly isDiskFull: boolean
}

/** A KubeletConfiguration for a machine that is not the kubelet's alone. */
export function kubeletConfig({ files, containerdSocket, cgroupRoot, isDiskFull }: KubeletConfigOptions): object {
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
    // No disk has so much; and a real disk that is rather full must not disturb a test that is not about that.
    evictionHard: { 'memory.available': '50Mi', ...(isDiskFull ? { 'imagefs.available': '1Ei' } : {}) },
    // Zero would stand for two minutes.
    imageMinimumGCAge: '1ns',
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    podLogsDir: path.join(files.kubelet, 'logs'),
    volumePluginDir: path.join(files.kubelet, 'volume-plugins'),
    // Nobody outside is to be asked for a name.
    resolvConf: '',
    clusterDNS: [nameServer],
    clusterDomain: 'cluster.local',
  }
}
