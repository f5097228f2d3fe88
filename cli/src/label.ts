import { Fault } from '@stowage/mirror/oci/fault'

const segment = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?'
const grammar = new RegExp(`^((?:[a-z0-9.-]{1,253}/)?${segment})=(${segment})?$`)

/**
 * Reads `KEY=VALUE` as Kubernetes has labels (apimachinery, validation of label keys and values).
 * @throws Fault invalid
 */
export function parseLabel(text: string): readonly [key: string, value: string] {
  const [, key, value = ''] = grammar.exec(text) ?? []
  if (key === undefined) throw new Fault('invalid', `"${text}" is not a label; write KEY=VALUE, such as tier=till`)
  return [key, value]
}
