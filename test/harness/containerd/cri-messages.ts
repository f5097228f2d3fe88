/** An image as CRI's ListImages and ImageStatus tell of it. */
export interface CriImage {
  /** Digest of its configuration. */
  readonly id: string
  readonly repoTags: readonly string[]
  readonly repoDigests: readonly string[]
  readonly size: number
  /** Spared by the kubelet's garbage collection; always false before containerd 1.6.22 and 1.7.3. */
  readonly pinned: boolean
}

type ContainerState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN'

/** A container as CRI's ListContainers tells of it. */
export interface CriContainer {
  readonly id: string
  readonly podSandboxId: string
  readonly image: { readonly image: string }
  readonly imageRef: string
  readonly state: ContainerState
}

/** A container as CRI's ContainerStatus tells of it. */
export interface CriContainerStatus {
  readonly id: string
  readonly image: { readonly image: string }
  /** The digest under which CRI knows the image, or its id. */
  readonly imageRef: string
  readonly state: ContainerState
  readonly exitCode: number
  readonly reason: string
  readonly message: string
}

/** A pod as CRI's ListPodSandbox tells of it. */
export interface CriPod {
  readonly id: string
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string }
  readonly state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY'
}

type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE'

interface NamespaceOptions {
  readonly network: NamespaceMode
  readonly pid: NamespaceMode
  readonly ipc: NamespaceMode
}

/** What RunPodSandbox is asked for. */
export interface CriPodConfig {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string }
  /** Empty for a pod in the node's own network. */
  readonly hostname: string
  readonly logDirectory: string
  readonly linux: { readonly securityContext: { readonly namespaceOptions: NamespaceOptions } }
}

/** What CreateContainer is asked for. */
export interface CriContainerConfig {
  readonly metadata: { readonly name: string }
  readonly image: { readonly image: string }
  /** Instead of the image's entry point. */
  readonly command: readonly string[]
  /** Instead of the image's command. */
  readonly args: readonly string[]
  readonly envs: readonly { readonly key: string; readonly value: string }[]
  /** Below the pod's log directory. */
  readonly logPath: string
  readonly linux: { readonly securityContext: { readonly namespaceOptions: NamespaceOptions } }
}

/** What a command in a container came to. */
export interface CriExecuted {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** How full a file system is on which images lie. */
export interface CriFileSystem {
  readonly mountpoint: string
  readonly usedBytes: number
  readonly usedInodes: number
}
