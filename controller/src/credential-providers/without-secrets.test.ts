import { expect, it } from 'vitest'
import { withoutSecrets } from './without-secrets.ts'

it.each([
  ['no such role: pull', [], 'no such role: pull'],
  ['user geheim was refused', ['geheim'], 'user … was refused'],
  ['password=hunter2, token: "abc"', [], 'password=…, token: "…"'],
  ['Authorization: Bearer abc.def', [], 'Authorization: Bearer …'],
  ['got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN', [], 'got …'],
  ['https://x.example/v2/?X-Amz-Signature=deadbeef&a=b', [], 'https://x.example/v2/?X-Amz-Signature=…&a=b'],
  [
    'failed for 123.dkr.ecr.eu-west-1.amazonaws.com/team/app',
    [],
    'failed for 123.dkr.ecr.eu-west-1.amazonaws.com/team/app',
  ],
  ['open /var/run/secrets/kubernetes.io: denied', [], 'open /var/run/secrets/kubernetes.io: denied'],
])('says of %s with %j: %s', (text, secrets, expected) => {
  expect(withoutSecrets(text, secrets)).toBe(expected)
})
