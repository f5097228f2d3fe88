import { existsSync } from 'node:fs'
import path from 'node:path'
import { whyNotInstalled } from '../tools/tool-directory.ts'
import { cniPlugins } from './cni-plugins.ts'
import { findCommand, isExecutable } from './find-command.ts'
import { isStaticProgram } from './is-static-program.ts'
import { whyNoKubeApi } from './kube/kube-programs.ts'

/** Something that a test needs and that npm does not bring. */
export interface Part {
  /** Why the part cannot be used here, or undefined if it can. */
  missing: () => string | undefined
  /** What a person types to enable it on Debian. */
  enable: string
}

const aptInstall = 'apt-get install -y --no-install-recommends'

const allParts = {
  buildah: {
    missing: () => noCommand('buildah'),
    enable: `${aptInstall} buildah`,
  },
  busybox: {
    missing: () => noCommand('busybox') ?? noStaticBusybox(),
    enable: `${aptInstall} busybox-static`,
  },
  cni: {
    missing: () => noCniPlugin('ptp', 'host-local', 'loopback'),
    enable: `${aptInstall} containernetworking-plugins`,
  },
  conformance: {
    missing: () => (process.env['OCI_CONFORMANCE'] === undefined ? whyNotInstalled('conformance') : undefined),
    enable: 'npm run tools conformance, or set OCI_CONFORMANCE',
  },
  containerd: {
    missing: () => noCommand('containerd', 'ctr', 'runc') ?? notRoot(),
    enable: `as root: ${aptInstall} containerd runc`,
  },
  'containerd-1.7': {
    missing: () => whyNotInstalled('containerd-1.7') ?? noCommand('runc') ?? notRoot(),
    enable: `as root: ${aptInstall} runc && npm run tools containerd-1.7`,
  },
  'containerd-2': {
    missing: () => whyNotInstalled('containerd-2') ?? noCommand('runc') ?? notRoot(),
    enable: `as root: ${aptInstall} runc && npm run tools containerd-2`,
  },
  crane: {
    missing: () => whyNotInstalled('crane'),
    enable: 'npm run tools crane',
  },
  debian: {
    missing: () => noCommand('apt-get', 'dpkg-deb'),
    enable: 'run the tests on Debian, with its archive in reach',
  },
  'docker-registry': {
    missing: () => noCommand('docker-registry'),
    enable: `${aptInstall} docker-registry`,
  },
  helm: {
    missing: () => whyNotInstalled('helm'),
    enable: 'npm run tools helm',
  },
  'kube-api': {
    missing: () => whyNoKubeApi(),
    enable: 'npm run tools kubernetes etcd, or set KUBEBUILDER_ASSETS',
  },
  kubeconform: {
    missing: () => whyNotInstalled('kubeconform'),
    enable: 'npm run tools kubeconform',
  },
  kubernetes: {
    missing: () => whyNotInstalled('kubernetes') ?? whyNotInstalled('etcd') ?? noCommand('ip') ?? notRoot(),
    enable: `as root: ${aptInstall} iproute2 && npm run tools kubernetes etcd`,
  },
  netns: {
    missing: () => noCommand('ip', 'nsenter', 'perl') ?? noDevice('/dev/net/tun') ?? notRoot(),
    enable: `as root: ${aptInstall} iproute2`,
  },
  nginx: {
    missing: () => noCommand('nginx'),
    enable: `${aptInstall} nginx-light`,
  },
  oras: {
    missing: () => whyNotInstalled('oras'),
    enable: 'npm run tools oras',
  },
  podman: {
    missing: () => noCommand('podman'),
    enable: `${aptInstall} podman`,
  },
  root: { missing: () => notRoot(), enable: 'run the tests as root' },
  skopeo: {
    missing: () => noCommand('skopeo'),
    enable: `${aptInstall} skopeo`,
  },
  versitygw: {
    missing: () => whyNotInstalled('versitygw'),
    enable: 'npm run tools versitygw',
  },
  wrk: {
    missing: () => noCommand('wrk'),
    enable: `${aptInstall} wrk`,
  },
} satisfies Record<string, Part>

export type PartName = keyof typeof allParts

/** Every part that a test may ask for, by the name that `STOWAGE_REQUIRE` takes. */
export const parts: Readonly<Record<PartName, Part>> = allParts

function noCommand(...commands: string[]): string | undefined {
  const absent = commands.filter((command) => findCommand(command) === undefined)
  return absent.length > 0 ? `no ${absent.join(', no ')} on PATH` : undefined
}

function noCniPlugin(...names: string[]): string | undefined {
  const absent = names.filter((name) => !isExecutable(path.join(cniPlugins, name)))
  return absent.length > 0 ? `no ${absent.join(', no ')} in ${cniPlugins}` : undefined
}

function noStaticBusybox(): string | undefined {
  return isStaticProgram(findCommand('busybox')!) ? undefined : 'busybox is not a static program'
}

function noDevice(file: string): string | undefined {
  return existsSync(file) ? undefined : `no ${file}`
}

function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'not root'
}
