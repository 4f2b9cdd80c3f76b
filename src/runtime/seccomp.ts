// From a seccomp profile in Docker's form to the filter an OCI runtime installs.

import { invalid } from '../lib/errors.ts'
import type { Seccomp, SeccompArgument, SeccompRule } from '../oci/runtime-spec.ts'
import type { Condition, ProfileArgument, ProfileRule, SeccompProfile } from './seccomp-profile.ts'

/** What conditions in a profile are judged by. */
export interface SeccompContext {
  /** The bounding set, as CAP_… names. */
  capabilities: readonly string[]
  /** libseccomp's name: amd64, arm64, … */
  architecture: string
  /** The kernel's release, such as 6.1.0-18-amd64. */
  kernelRelease: string
}

const nativeArchitectures: Record<string, string> = {
  x86: 'SCMP_ARCH_X86',
  amd64: 'SCMP_ARCH_X86_64',
  arm: 'SCMP_ARCH_ARM',
  arm64: 'SCMP_ARCH_AARCH64',
  loongarch64: 'SCMP_ARCH_LOONGARCH64',
  ppc64le: 'SCMP_ARCH_PPC64LE',
  riscv64: 'SCMP_ARCH_RISCV64',
  s390x: 'SCMP_ARCH_S390X',
}

/** The filter that `profile` means in `context`; undefined if the profile is empty, which asks for no filter. */
export function compileSeccomp(profile: SeccompProfile, context: SeccompContext): Seccomp | undefined {
  const rules = profile.syscalls ?? []
  if (!profile.defaultAction && rules.length === 0) return undefined
  return prune({
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures: architecturesOf(profile, context.architecture),
    flags: profile.flags ?? undefined,
    listenerPath: profile.listenerPath,
    listenerMetadata: profile.listenerMetadata,
    syscalls: rules.filter(rule => applies(rule, context)).map(compileRule),
  })
}

/** Reads a profile that a user gave as JSON. Errors as dockerd words them. */
export function parseProfile(json: string): SeccompProfile {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw invalid(`Decoding seccomp profile failed: ${(error as Error).message}`, { cause: error })
  }
  if (!isObject(value)) throw invalid('Decoding seccomp profile failed: the profile is not an object')
  const profile = value as unknown as SeccompProfile
  checkShape(profile)
  return profile
}

const bad = (what: string) => invalid(`Decoding seccomp profile failed: ${what}`)

function checkShape(profile: SeccompProfile) {
  if (profile.defaultAction !== undefined && typeof profile.defaultAction !== 'string') {
    throw bad('defaultAction is not a string')
  }
  if (!isListOf(profile.architectures, isString)) throw bad('architectures is not a list of strings')
  if (!isListOf(profile.flags, isString)) throw bad('flags is not a list of strings')
  if (!isListOf(profile.archMap, isArchitecture)) throw bad('archMap is not a list of architectures')
  if (!isListOf(profile.syscalls, isRule)) throw bad('syscalls is not a list of rules')
  if (profile.architectures?.length && profile.archMap?.length) {
    throw invalid(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    )
  }
  for (const rule of profile.syscalls ?? []) {
    if (rule.name && rule.names?.length) {
      throw invalid("both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'")
    }
    parseKernel(rule.includes?.minKernel)
    parseKernel(rule.excludes?.minKernel)
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isString = (value: unknown) => typeof value === 'string'
// A number that JavaScript can't hold exactly would become another filter than the one asked for.
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const isOptional = (value: unknown, is: (value: unknown) => boolean) =>
  value === undefined || value === null || is(value)
const isListOf = (value: unknown, is: (item: unknown) => boolean) =>
  isOptional(value, list => Array.isArray(list) && list.every(is))

const isArchitecture = (value: unknown) =>
  isObject(value) && isString(value.architecture) && isListOf(value.subArchitectures, isString)

const isCondition = (value: unknown) =>
  isObject(value) &&
  isListOf(value.caps, isString) &&
  isListOf(value.arches, isString) &&
  isOptional(value.minKernel, isString)

const isArgument = (value: unknown) =>
  isObject(value) &&
  isCount(value.index) &&
  isCount(value.value) &&
  isOptional(value.valueTwo, isCount) &&
  isString(value.op)

const isRule = (value: unknown) =>
  isObject(value) &&
  isOptional(value.name, isString) &&
  isListOf(value.names, isString) &&
  isString(value.action) &&
  isOptional(value.errnoRet, isCount) &&
  isListOf(value.args, isArgument) &&
  isOptional(value.includes, isCondition) &&
  isOptional(value.excludes, isCondition)

function architecturesOf(profile: SeccompProfile, architecture: string): string[] | undefined {
  const native = nativeArchitectures[architecture]
  const mapped = profile.archMap?.find(entry => entry.architecture === native)
  if (mapped) return [mapped.architecture, ...(mapped.subArchitectures ?? [])]
  return profile.architectures?.length ? [...profile.architectures] : undefined
}

function applies(rule: ProfileRule, context: SeccompContext): boolean {
  return (!rule.includes || includes(rule.includes, context)) && (!rule.excludes || !excludes(rule.excludes, context))
}

function includes(condition: Condition, context: SeccompContext): boolean {
  const { caps, arches, minKernel } = condition
  if (arches?.length && !arches.includes(context.architecture)) return false
  if (caps && !caps.every(capability => context.capabilities.includes(capability))) return false
  return !minKernel || atLeast(context.kernelRelease, minKernel)
}

function excludes(condition: Condition, context: SeccompContext): boolean {
  const { caps, arches, minKernel } = condition
  if (arches?.includes(context.architecture)) return true
  if (caps?.some(capability => context.capabilities.includes(capability))) return true
  return Boolean(minKernel) && atLeast(context.kernelRelease, minKernel ?? '')
}

function compileRule(rule: ProfileRule): SeccompRule {
  return prune({
    names: rule.names?.length ? [...rule.names] : [rule.name ?? ''],
    action: rule.action,
    errnoRet: rule.errnoRet,
    args: rule.args?.length ? rule.args.map(compileArgument) : undefined,
  })
}

const compileArgument = ({ index, value, valueTwo, op }: ProfileArgument): SeccompArgument =>
  prune({ index, value, valueTwo, op })

/** True if the kernel of that release is at least `minimum` (`major.minor`). */
function atLeast(release: string, minimum: string): boolean {
  const [major = 0, minor = 0] = release.split('.', 2).map(part => Number.parseInt(part, 10))
  const wanted = parseKernel(minimum)
  return wanted === undefined || major > wanted.major || (major === wanted.major && minor >= wanted.minor)
}

function parseKernel(text: string | undefined): { major: number; minor: number } | undefined {
  if (!text) return undefined
  const match = /^(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) throw invalid(`invalid kernel version: ${JSON.stringify(text)}, expected "<kernel>.<major>"`)
  return { major: Number(match[1]), minor: Number(match[2]) }
}

/** Without the properties that are undefined, which JSON would drop anyway but comparisons would not. */
function prune<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}
