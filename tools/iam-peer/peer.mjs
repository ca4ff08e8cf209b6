// Decides the inputs of our IAM benchmarks with the npm package
// @cloud-copilot/iam-simulate and prints one line for each input and entry point,
// "peer INPUT ENTRY NANOSECONDS", a decision's time. run.sh copies this file
// beside the installed package; it uses only the documented calls.
//   node peer.mjs INPUT.json SECONDS
import { readFileSync } from 'node:fs'
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const [path, seconds] = process.argv.slice(2)

// simulations turns one input into the package's form, once: policies are parsed
// JSON before the clock starts, and every call is given the same objects.
function simulations(input) {
  const documents = (list) => (list ?? []).map((d) => ({ name: d.name, policy: d.text }))
  const identityPolicies = documents(input.identity)
  const serviceControlPolicies = input.scps ? [{ orgIdentifier: 'Root', policies: documents(input.scps) }] : []
  return input.requests.map((r) => ({
    request: {
      principal: r.principal,
      action: r.action,
      resource: { resource: r.resource, accountId: r.resourceAccount },
      contextVariables: Object.fromEntries(r.context.map((v) => [v.Key, v.Values[0]])),
    },
    identityPolicies,
    serviceControlPolicies,
    resourceControlPolicies: [],
  }))
}

const elapsed = (start) => Number(process.hrtime.bigint() - start)

async function measure(decide, list, budget) {
  let n = 0
  const start = process.hrtime.bigint()
  do {
    // The clock is read once in many calls: it must not count.
    for (let i = 0; i < 8; i++) {
      for (const s of list) {
        const result = decide(s)
        if (result instanceof Promise) await result
      }
    }
    n += 8 * list.length
  } while (elapsed(start) < budget)
  return elapsed(start) / n
}

// A rate of answers that differ from ours, or are errors, would compare nothing.
function same(input, entry, i, got) {
  if (got === input.verdicts[i]) return
  console.error(`error: ${input.name}, ${input.requests[i].action}: ${entry} says ${got}, Yagura says ${input.verdicts[i]}`)
  process.exitCode = 1
}

for (const input of JSON.parse(readFileSync(path, 'utf8'))) {
  const list = simulations(input)
  for (const [i, s] of list.entries()) {
    const full = await runSimulation(s, {})
    same(input, 'runSimulation', i, full.resultType === 'error' ? JSON.stringify(full.errors) : full.overallResult)
    same(input, 'runUnsafeSimulation', i, runUnsafeSimulation(s, {}))
  }
  for (const [entry, decide] of Object.entries({ runSimulation, runUnsafeSimulation })) {
    const call = (s) => decide(s, {})
    await measure(call, list, seconds * 1e9) // warm: the JIT has seen every path
    console.log(`peer ${input.name} ${entry} ${(await measure(call, list, seconds * 1e9)).toFixed(0)}`)
  }
}
