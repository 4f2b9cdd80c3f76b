// What a value of a flag of `run` must look like, with docker's words for one that does not.

import { isIP } from 'node:net'
import type { Device, Ulimit } from '../../api/types/container.ts'
import { invalid } from '../../lib/errors.ts'

/** --env: a name is needed. */
export function checkVariable(text: string): void {
  if (text === '' || text.startsWith('=')) throw invalid(`invalid environment variable: ${text}`)
}

/** --label: a name is needed. */
export function checkLabel(text: string): void {
  if (text === '' || text.startsWith('=')) throw invalid(`invalid label '${text}': empty name`)
}

/** --attach: one of the three streams, in any case. */
export function checkStream(text: string): void {
  if (!/^std(in|out|err)$/i.test(text)) throw invalid('valid streams are STDIN, STDOUT and STDERR')
}

/** --add-host: `name:address` or `name=address`, where the address may be host-gateway. */
export function checkExtraHost(text: string): void {
  const [, name = '', address = ''] = /^([^:=]*)[:=](.*)$/.exec(text) ?? []
  if (name === '') throw invalid(`bad format for add-host: ${JSON.stringify(text)}`)
  const bare = address.replace(/^\[(.*)\]$/, '$1')
  if (bare !== 'host-gateway' && isIP(bare) === 0) {
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`)
  }
}

/** --dns: an address. */
export function checkAddress(text: string): void {
  if (isIP(text) === 0) throw invalid(`IP address is not correctly formatted: ${text}`)
}

/** --device-cgroup-rule: type, numbers and permissions. */
export function checkDeviceRule(text: string): void {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) throw invalid(`invalid device cgroup format '${text}'`)
}

/** --ulimit: `name=soft[:hard]`. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text)
  if (!match) throw invalid(`invalid ulimit argument: ${text}`)
  const [, name = '', soft, hard = soft] = match
  return { Name: name, Soft: Number(soft), Hard: Number(hard) }
}

/** True for a --device that names one of the Container Device Interface: `vendor.com/class=name`. */
export function isCdiDevice(text: string): boolean {
  return /^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*=[A-Za-z0-9][\w.:-]*$/.test(text)
}

/** --device: `host[:container][:permissions]`. */
export function parseDevice(text: string): Device {
  const [host = '', ...rest] = text.split(':')
  if (rest.length > 2 || host === '') throw invalid(`bad format for path: ${text}`)
  const last = rest.at(-1) ?? ''
  const named = rest.length > 0 && /^[rwm]{1,3}$/.test(last)
  if (rest.length === 2 && !named) throw invalid(`bad mode specified: ${last}`)
  const permissions = named ? (rest.pop() ?? 'rwm') : 'rwm'
  return { PathOnHost: host, PathInContainer: rest[0] ?? host, CgroupPermissions: permissions }
}
