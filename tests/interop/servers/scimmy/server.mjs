// A SCIM service made of scimmy and scimmy-routers, which keeps its accounts in memory.
// node server.mjs PORT TOKEN
import {randomUUID} from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token] = process.argv.slice(2);

/** The three handlers that scimmy leaves to whoever uses it; `unique` is what no two may share. */
function kept(Resource, unique) {
    const held = new Map();

    function known(id) {
        if (!held.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
        return held.get(id);
    }

    Resource.ingress((resource, data) => {
        const former = resource.id ? known(resource.id) : undefined;
        const name = String(data[unique]).toLowerCase();
        for (const other of held.values()) {
            if (other !== former && String(other[unique]).toLowerCase() === name)
                throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
        }
        const now = new Date().toISOString();
        const id = former?.id ?? randomUUID();
        const meta = {created: former?.meta.created ?? now, lastModified: now};
        // As plain values: what scimmy hands over is bound to the request.
        held.set(id, {...JSON.parse(JSON.stringify(data)), id, meta});
        return held.get(id);
    });
    Resource.egress((resource) => {
        if (resource.id) return known(resource.id);
        const all = [...held.values()];
        return resource.filter ? resource.filter.match(all) : all;
    });
    Resource.degress((resource) => {
        known(resource.id);
        held.delete(resource.id);
    });
    return Resource;
}

SCIMMY.Resources.declare(
    kept(SCIMMY.Resources.User, "userName").extend(SCIMMY.Schemas.EnterpriseUser));
SCIMMY.Resources.declare(kept(SCIMMY.Resources.Group, "displayName"));

const app = express();
app.use("/scim", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("Wrong token");
        return "portal";
    },
}));
app.listen(Number(port), "127.0.0.1");
