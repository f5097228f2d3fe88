import { createCriConnection } from './cri-connection.ts'
import type {
  CriContainer,
  CriContainerConfig,
  CriContainerStatus,
  CriExecuted,
  CriFileSystem,
  CriImage,
  CriPod,
  CriPodConfig,
} from './cri-messages.ts'

/**
 * What the kubelet would say to a container runtime. Everything rejects with gRPC's error, whose `code` is a status of
 * gRPC; nothing waits for a runtime that is away.
 */
export interface CriClient extends Disposable {
  version(): Promise<{ readonly runtimeName: string; readonly runtimeVersion: string }>

  listImages(): Promise<readonly CriImage[]>
  /** By name, name with digest, or id; undefined if the runtime does not have it. */
  imageStatus(image: string): Promise<CriImage | undefined>
  /** Resolves with the reference that containers of it will have; with what a kubelet finds in a pull secret. */
  pullImage(image: string, auth?: { readonly username: string; readonly password: string }): Promise<string>
  removeImage(image: string): Promise<void>
  imageFsInfo(): Promise<readonly CriFileSystem[]>

  /** Resolves with its id. */
  runPodSandbox(config: CriPodConfig): Promise<string>
  stopPodSandbox(podSandboxId: string): Promise<void>
  removePodSandbox(podSandboxId: string): Promise<void>
  listPodSandbox(): Promise<readonly CriPod[]>

  /** Resolves with its id. */
  createContainer(podSandboxId: string, config: CriContainerConfig, podConfig: CriPodConfig): Promise<string>
  startContainer(containerId: string): Promise<void>
  /** SIGTERM, then SIGKILL after so many seconds. */
  stopContainer(containerId: string, timeout: number): Promise<void>
  removeContainer(containerId: string): Promise<void>
  /** Those that ended too, until they are removed. */
  listContainers(): Promise<readonly CriContainer[]>
  containerStatus(containerId: string): Promise<CriContainerStatus>
  execSync(containerId: string, cmd: readonly string[]): Promise<CriExecuted>
}

const minuteMs = 60_000

/** Connects at the first call; `using` closes it. */
export function openCriClient(socket: string): CriClient {
  const { call, close } = createCriConnection(socket)
  return {
    version: () => call('Version', {}),

    listImages: async () => (await call<{ images: CriImage[] }>('ListImages', {})).images,
    imageStatus: async (image) =>
      (await call<{ image: CriImage | null }>('ImageStatus', { image: { image } })).image ?? undefined,
    pullImage: async (image, auth) =>
      (await call<{ imageRef: string }>('PullImage', { image: { image }, auth }, { withinMs: 30 * minuteMs })).imageRef,
    removeImage: (image) => call('RemoveImage', { image: { image } }),
    imageFsInfo: async () => (await call<FsInfo>('ImageFsInfo', {})).imageFilesystems.map(fileSystemOf),

    runPodSandbox: async (config) => (await call<{ podSandboxId: string }>('RunPodSandbox', { config })).podSandboxId,
    stopPodSandbox: (podSandboxId) => call('StopPodSandbox', { podSandboxId }),
    removePodSandbox: (podSandboxId) => call('RemovePodSandbox', { podSandboxId }),
    listPodSandbox: async () => (await call<{ items: CriPod[] }>('ListPodSandbox', {})).items,

    createContainer: async (podSandboxId, config, podConfig) =>
      (await call<{ containerId: string }>('CreateContainer', { podSandboxId, config, sandboxConfig: podConfig }))
        .containerId,
    startContainer: (containerId) => call('StartContainer', { containerId }),
    stopContainer: (containerId, timeout) => call('StopContainer', { containerId, timeout }),
    removeContainer: (containerId) => call('RemoveContainer', { containerId }),
    listContainers: async () => (await call<{ containers: CriContainer[] }>('ListContainers', {})).containers,
    containerStatus: async (containerId) =>
      (await call<{ status: CriContainerStatus }>('ContainerStatus', { containerId })).status,
    execSync: async (containerId, cmd) => executed(await call('ExecSync', { containerId, cmd })),

    [Symbol.dispose]: close,
  }
}

interface FsInfo {
  imageFilesystems: { fsId: { mountpoint: string }; usedBytes: { value: number }; inodesUsed: { value: number } }[]
}

function fileSystemOf({ fsId, usedBytes, inodesUsed }: FsInfo['imageFilesystems'][number]): CriFileSystem {
  return { mountpoint: fsId.mountpoint, usedBytes: usedBytes.value, usedInodes: inodesUsed.value }
}

function executed({ exitCode, stdout, stderr }: { exitCode: number; stdout: Buffer; stderr: Buffer }): CriExecuted {
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
}
