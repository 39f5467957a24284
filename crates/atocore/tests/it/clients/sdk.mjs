// Plugs the official TypeScript SDK into AtoCore and says what it saw, as one JSON document.
//
//     node sdk.mjs PLAN
//
// PLAN is a JSON file, as for sdk.py. The SDK is found from the folder that the program is started in.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const plan = JSON.parse(readFileSync(process.argv[2]));
const sdk = createRequire(`${process.cwd()}/package.json`);
const load = (name) => import(pathToFileURL(sdk.resolve(`@modelcontextprotocol/sdk/client/${name}.js`)));
const { Client } = await load("index");
const { StdioClientTransport } = await load("stdio");
const { StreamableHTTPClientTransport } = await load("streamableHttp");

function transport() {
  if (plan.url) {
    const headers = plan.token ? { Authorization: `Bearer ${plan.token}` } : {};
    return new StreamableHTTPClientTransport(new URL(plan.url), { requestInit: { headers } });
  }
  const [command, ...args] = plan.command;
  return new StdioClientTransport({ command, args, env: plan.env, cwd: plan.cwd, stderr: "inherit" });
}

async function call(client, tool, args) {
  const progress = [];
  const onprogress = ({ progress: done, total, message }) => progress.push([done, total ?? null, message ?? null]);
  try {
    const result = await client.callTool({ name: tool, arguments: args }, undefined, { onprogress });
    const text = result.content.map((block) => block.text).join("");
    return { tool, is_error: result.isError === true, text, structured: result.structuredContent ?? null, progress };
  } catch (error) {
    return { tool, protocol_error: error.code };
  }
}

const client = new Client({ name: "atocore-tests", version: "1.0.0" });
const link = transport();
await client.connect(link);
const { tools } = await client.listTools();
const seen = {
  version: link.protocolVersion ?? null,
  server: client.getServerVersion().name,
  instructions: client.getInstructions(),
  tools: tools.map((tool) => tool.name),
  calls: [],
};
for (const [tool, args] of plan.calls) seen.calls.push(await call(client, tool, args));
await client.close();
console.log(JSON.stringify(seen));
