import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCredentialHelper } from './docker-credential-helper.ts'

describe('createCredentialHelper', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stowage-helper-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  const install = async (name: string, script: string): Promise<void> => {
    const path = join(directory, `docker-credential-${name}`)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }
  const ask = (helper: string, timeoutMs?: number) =>
    createCredentialHelper({ env: { PATH: `${directory}:/bin:/usr/bin` }, timeoutMs })(helper, 'registry.example')

  it('gives the server on standard input and the verb as the argument', async () => {
    await install(
      'ok',
      `printf '%s ' "$@" > ${directory}/said; cat >> ${directory}/said; echo '{"Username":"u","Secret":"s"}'`,
    )
    expect(await ask('ok')).toEqual({ username: 'u', password: 's', origin: 'credential helper docker-credential-ok' })
    expect(await readFile(join(directory, 'said'), 'utf8')).toBe('get registry.example')
  })

  it('reads the user <token> as an identity token', async () => {
    await install('token', `echo '{"Username":"<token>","Secret":"refresh"}'`)
    expect(await ask('token')).toMatchObject({ username: '', password: '', identityToken: 'refresh' })
  })

  it('has nothing if the helper finds nothing', async () => {
    await install('none', 'echo "credentials not found in native keychain"; exit 1')
    expect(await ask('none')).toBeUndefined()
  })

  it('answers even if the helper does not read its input', async () => {
    await install('deaf', `exec 0<&-; echo '{"Username":"u","Secret":"s"}'`)
    expect(await ask('deaf')).toMatchObject({ username: 'u' })
  })

  it.each([
    ['is not there', 'absent', undefined, 'invalid', /not installed/],
    ['fails', 'bad', 'echo geheim; exit 3', 'invalid', /exit code 3/],
    ['says no JSON', 'odd', 'echo geheim', 'invalid', /not a credential/],
    ['has a name with a slash', '../x', undefined, 'invalid', /not a name/],
    ['has a name for a shell', 'x;reboot', undefined, 'invalid', /not a name/],
  ])('refuses a helper that %s', async (_, helper, script, code, message) => {
    if (script !== undefined) await install(helper, script)
    const fault = await ask(helper).catch((error: unknown) => error)
    expect(fault).toMatchObject({ name: 'Fault', code, message: expect.stringMatching(message) })
    expect(JSON.stringify(fault) + String(fault)).not.toContain('geheim')
  })

  it('gives up on a helper that does not answer', async () => {
    await install('slow', 'exec sleep 60')
    await expect(ask('slow', 50)).rejects.toMatchObject({ code: 'unavailable' })
  })
})
