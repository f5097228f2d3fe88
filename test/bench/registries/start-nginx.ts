import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'
import type { MadeImage } from '../../image-maker/make-image.ts'
import type { OciLayout } from '../../image-maker/oci-layout.ts'
import type { Registry, StartOptions } from './registry.ts'

export interface ServedImage {
  readonly layout: OciLayout
  readonly image: MadeImage
  readonly repository: string
  readonly tag: string
}

/**
 * Starts nginx with the files of one image under the paths of a registry: one process, sendfile, open files kept. No
 * registry, but what the machine can do.
 */
export async function startNginx(
  directory: string,
  served: ServedImage,
  { programs, cores }: StartOptions,
): Promise<Registry> {
  const host = `127.0.0.1:${await freePort()}`
  const config = path.join(directory, 'nginx.conf')
  await mkdir(directory)
  await writeFile(config, configOf({ directory, host, ...served }))
  const [command, ...args] = [...cores.server, 'nginx', '-p', directory, '-c', config, '-e', 'stderr']
  // Debian keeps it where the PATH of an ordinary user does not look.
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const { pid } = programs.start(command, args, { name: 'nginx', env })
  const url = `http://${host}`
  const answers = async (): Promise<boolean> => (await fetch(url)).status === 404
  await eventually(answers, { what: `an answer of nginx at ${host}` })
  return { name: 'nginx', url, pid }
}

function configOf({
  directory,
  host,
  layout,
  image: { manifest },
  repository,
  tag,
}: ServedImage & { readonly directory: string; readonly host: string }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const blobs = path.join(layout.directory, 'blobs', 'sha256')
  return `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  ${temporary.map((what) => `${what}_temp_path ${directory}/${what};`).join(' ')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=100;
  keepalive_requests 1000000000;
  server {
    listen ${host};
    location / { return 404; }
    location /v2/${repository}/blobs/ {
      default_type application/octet-stream;
      location ~ "/blobs/sha256:(?<blob>[0-9a-f]{64})$" { alias ${blobs}/$blob; }
    }
    location /v2/${repository}/manifests/ {
      default_type ${manifest.mediaType};
      location ~ "/manifests/sha256:(?<found>[0-9a-f]{64})$" { alias ${blobs}/$found; }
    }
    location = /v2/${repository}/manifests/${tag} {
      default_type ${manifest.mediaType};
      alias ${layout.blobPath(manifest.digest)};
    }
  }
}
`
}
