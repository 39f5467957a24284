"""Plugs the official Python SDK into AtoCore and says what it saw, as one JSON document.

    python sdk.py PLAN

PLAN is a JSON file: `command` with `env` for standard streams, or `url`; the `mode` of the SDK; and `calls`, pairs of a tool
and its arguments.
"""

import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters


def where(plan):
    if "url" in plan:
        return plan["url"]
    program, *arguments = plan["command"]
    return StdioServerParameters(command=program, args=arguments, env=plan["env"], cwd=plan["cwd"])


async def call(client, tool, arguments):
    progress = []

    async def told(done, total, message):
        progress.append([done, total, message])

    try:
        result = await client.call_tool(tool, arguments, progress_callback=told)
    except MCPError as error:
        return {"tool": tool, "protocol_error": error.error.code}
    return {
        "tool": tool,
        "is_error": bool(result.is_error),
        "text": "".join(block.text for block in result.content),
        "structured": result.structured_content,
        "progress": progress,
    }


async def main(plan):
    async with Client(where(plan), mode=plan["mode"]) as client:
        tools = (await client.list_tools()).tools
        seen = {
            "version": client.protocol_version,
            "server": client.server_info.name if client.server_info else None,
            "instructions": client.instructions,
            "tools": [tool.name for tool in tools],
            "calls": [await call(client, tool, arguments) for tool, arguments in plan["calls"]],
        }
    print(json.dumps(seen))


with open(sys.argv[1]) as file:
    asyncio.run(main(json.load(file)))
