/* Shapes of bodies and parameters, in JSON Schema 2020-12. What `rest/json` writes and reads, said once more: tests hold recorded
 * answers against it. */
#include "routes/openapi_internal.h"

#include "forwarding/signature.h"
#include "herder/leader_link.h"

#include "base/bans.h"

/* ---- notation ---- */

#define TEXT "{'type':'string'}"
#define TEXT_OR_NULL "{'type':['string','null']}"
#define NUMBER "{'type':'integer'}"
#define NUMBER_OR_NULL "{'type':['integer','null']}"
#define COUNT "{'type':'integer','minimum':0}"
#define FLAG "{'type':'boolean'}"
#define FLAG_OR_NULL "{'type':['boolean','null']}"
#define ONE_OF(words) "{'type':'string','enum':[" words "]}"
#define ONE_OF_OR_NULL(words) "{'type':['string','null'],'enum':[" words ",null]}"
#define SCHEMA(name) "{'$ref':'#/components/schemas/" name "'}"
#define LIST(item) "{'type':'array','items':" item "}"
#define MAP(value) "{'type':'object','additionalProperties':" value "}"
#define EITHER(one, other) "{'anyOf':[" one "," other "]}"
#define FREE_OR_NULL "{'type':['object','null']}"
/* No other members than these. */
#define OBJECT(members, required)                                                                                      \
    "{'type':'object','properties':{" members "},'required':[" required "],'additionalProperties':false}"

/* ---- what several share ---- */

#define TYPE "'type':" ONE_OF("'source','sink','unknown'")
#define UNIT_STATE                                                                                                     \
    "'state':" ONE_OF("'UNASSIGNED','RUNNING','PAUSED','FAILED','RESTARTING','STOPPED','DESTROYED'")                    \
    ",'worker_id':" TEXT ",'version':" TEXT_OR_NULL ",'trace':" TEXT
#define GIVEN_VALUE "{'type':['string','number','boolean']}"
#define GIVEN_VALUE_OR_NULL "{'type':['string','number','boolean','null']}"
#define LEVELS "'OFF','FATAL','ERROR','WARN','INFO','DEBUG','TRACE','ALL'"
#define UNIT "'connector':" TEXT ",'task':" COUNT
#define UNITS LIST(OBJECT(UNIT, "'connector'"))
#define UNITS_WITH_REASON LIST(OBJECT(UNIT ",'reason':" TEXT, "'connector','reason'"))

const struct openapi_part OPENAPI_SCHEMAS[] = {
    {"Error", OBJECT("'error_code':" NUMBER ",'message':" TEXT_OR_NULL, "'error_code','message'")},
    {"Message", OBJECT("'message':" TEXT, "'message'")},
    {"OpenApi", "{'type':'object','required':['openapi','info','paths','components']}"},
    {"Worker", OBJECT("'version':" TEXT ",'commit':" TEXT ",'kafka_cluster_id':" TEXT_OR_NULL,
                      "'version','commit','kafka_cluster_id'")},
    {"Health", OBJECT("'status':" ONE_OF("'healthy','starting','unhealthy'") ",'message':" TEXT_OR_NULL, "'status','message'")},
    {"Whoami", OBJECT("'name':" TEXT_OR_NULL ",'login':" ONE_OF_OR_NULL("'password','jaas','token','certificate','worker'")
                      ",'role':" ONE_OF_OR_NULL("'viewer','operator','editor','admin'") ",'data':" FLAG ",'groups':" LIST(TEXT),
                      "'name','login','role','data','groups'")},
    {"HealthOrError", EITHER(SCHEMA("Health"), SCHEMA("Error"))},

    /* connectors */
    {"Config", MAP(TEXT)},
    {"GivenConfig", MAP(GIVEN_VALUE)},
    {"ConfigChanges", MAP(GIVEN_VALUE_OR_NULL)},
    {"NewConnector", OBJECT("'name':" TEXT ",'config':" SCHEMA("GivenConfig") ",'initial_state':"
                            "{'type':['string','null'],'pattern':'^(?:[Rr][Uu][Nn][Nn][Ii][Nn][Gg]|"
                            "[Pp][Aa][Uu][Ss][Ee][Dd]|[Ss][Tt][Oo][Pp][Pp][Ee][Dd])$'}", "'name','config'")},
    {"TaskId", OBJECT("'connector':" TEXT ",'task':" COUNT, "'connector','task'")},
    {"Connector", OBJECT("'name':" TEXT ",'config':" SCHEMA("Config") ",'tasks':" LIST(SCHEMA("TaskId")) "," TYPE,
                         "'name','config','tasks','type'")},
    {"ConnectorStatus", OBJECT("'name':" TEXT ",'connector':" OBJECT(UNIT_STATE, "'state','worker_id','version'")
                               ",'tasks':" LIST(SCHEMA("TaskStatus")) "," TYPE, "'name','connector','tasks','type'")},
    {"TaskStatus", OBJECT("'id':" COUNT "," UNIT_STATE, "'id','state','worker_id','version'")},
    {"ConnectorsOrExpanded", EITHER(LIST(TEXT), MAP(SCHEMA("ExpandedConnector")))},
    {"ExpandedConnector", OBJECT("'status':" SCHEMA("ConnectorStatus") ",'info':" SCHEMA("Connector"), "")},
    {"TaskConfigs", LIST(MAP(TEXT_OR_NULL))},
    {"Tasks", LIST(OBJECT("'id':" SCHEMA("TaskId") ",'config':" MAP(TEXT_OR_NULL), "'id','config'"))},
    {"ConnectorTopics", MAP(OBJECT("'topics':" LIST(TEXT), "'topics'"))},
    {"Offsets", OBJECT("'offsets':" LIST(OBJECT("'partition':" FREE_OR_NULL ",'offset':" FREE_OR_NULL,
                                                "'partition','offset'")), "'offsets'")},
    {"OffsetChanges", OBJECT("'offsets':" LIST(OBJECT("'partition':" FREE_OR_NULL ",'offset':" FREE_OR_NULL, "")),
                             "'offsets'")},

    /* plugins */
    {"Plugins", LIST(OBJECT("'class':" TEXT ",'type':"
                            ONE_OF("'sink','source','transformation','predicate','converter','header_converter'")
                            ",'version':" TEXT, "'class','type'"))},
    {"OptionDefinition",
     OBJECT("'name':" TEXT ",'type':"
            ONE_OF("'BOOLEAN','STRING','INT','SHORT','LONG','DOUBLE','LIST','CLASS','PASSWORD'")
            ",'required':" FLAG ",'default_value':" TEXT_OR_NULL ",'importance':" ONE_OF("'HIGH','MEDIUM','LOW'")
            ",'documentation':" TEXT_OR_NULL ",'group':" TEXT_OR_NULL ",'width':" ONE_OF("'NONE','SHORT','MEDIUM','LONG'")
            ",'display_name':" TEXT_OR_NULL ",'dependents':" LIST(TEXT) ",'order_in_group':" NUMBER,
            "'name','type','required','default_value','importance','documentation','group','width','display_name',"
            "'dependents','order_in_group'")},
    {"OptionDefinitions", LIST(SCHEMA("OptionDefinition"))},
    {"OptionValue", OBJECT("'name':" TEXT ",'value':" TEXT_OR_NULL ",'recommended_values':" LIST(TEXT_OR_NULL) ",'errors':"
                           LIST(TEXT) ",'visible':" FLAG, "'name','value','recommended_values','errors','visible'")},
    {"Validation",
     OBJECT("'name':" TEXT_OR_NULL ",'error_count':" COUNT ",'groups':" LIST(TEXT) ",'configs':"
            LIST(OBJECT("'definition':" EITHER(SCHEMA("OptionDefinition"), "{'type':'null'}") ",'value':" SCHEMA("OptionValue"),
                        "'definition','value'")),
            "'name','error_count','groups','configs'")},
    {"Try", OBJECT("'config':" SCHEMA("GivenConfig") ",'records':{'type':'array','maxItems':100,'items':{'type':'object'}},'topic':"
                   TEXT ",'last':{'type':'integer','minimum':1,'maximum':100}", "'config'")},
    {"Tried", OBJECT("'passed':" COUNT ",'dropped':" COUNT ",'skipped':" COUNT ",'failed':" COUNT ",'records':"
                     LIST(SCHEMA("TriedRecord")) ",'hints':" LIST(TEXT), "'passed','dropped','skipped','failed','records','hints'")},
    {"TriedRecord",
     OBJECT("'record':" COUNT ",'outcome':" ONE_OF("'passed','dropped','skipped','failed'")
            ",'input':{'type':'object'},'stages':" LIST("{'type':'object'}") ",'dropped_by':" TEXT ",'output':"
            LIST("{'type':'object'}") ",'error':{'type':'object'},'treatment':{'type':'object'}",
            "'record','outcome','input','stages','output'")},

    /* administration */
    {"Logger", OBJECT("'level':" ONE_OF(LEVELS) ",'last_modified':" NUMBER_OR_NULL, "'level','last_modified'")},
    {"Loggers", MAP(SCHEMA("Logger"))},
    {"LoggerNames", LIST(TEXT)},
    {"LoggerLevel", "{'type':'object','properties':{'level':" TEXT "},'required':['level']}"},
    {"ClusterMember", OBJECT("'url':" TEXT ",'boot':" TEXT ",'version':" TEXT_OR_NULL ",'host':" TEXT_OR_NULL ",'labels':"
                             TEXT_OR_NULL ",'leads':" FLAG ",'introduced':" FLAG ",'drains':" FLAG ",'leaves':" FLAG
                             ",'unfit':" FLAG ",'gone':" FLAG ",'same_secret':" FLAG_OR_NULL,
                             "'url','boot','version','host','labels','leads','introduced','drains','leaves','unfit','gone',"
                             "'same_secret'")},
    {"ClusterAssignment", OBJECT("'url':" TEXT ",'boot':" TEXT_OR_NULL ",'obeyed':" FLAG ",'units':" UNITS ",'revoking':"
                                 UNITS_WITH_REASON ",'preparing':" UNITS,
                                 "'url','boot','obeyed','units','revoking','preparing'")},
    {"Rebalance", OBJECT("'number':" COUNT ",'reason':" TEXT_OR_NULL ",'began_ms':" NUMBER ",'duration_ms':" NUMBER_OR_NULL
                         ",'moves':" COUNT, "'number','reason','began_ms','duration_ms','moves'")},
    {"Cluster",
     OBJECT("'answered_by':" OBJECT("'url':" TEXT ",'boot':" TEXT ",'is_member':" FLAG, "'url','boot','is_member'")
            ",'leader':" TEXT_OR_NULL ",'fencing':" TEXT_OR_NULL ",'epoch':" COUNT
            ",'members':" LIST(SCHEMA("ClusterMember")) ",'assignment':" LIST(SCHEMA("ClusterAssignment"))
            ",'unassigned':" UNITS_WITH_REASON ",'waiting':"
            LIST(OBJECT(UNIT ",'for':" TEXT_OR_NULL ",'until_ms':" NUMBER, "'connector','for','until_ms'"))
            ",'last_rebalance':" EITHER(SCHEMA("Rebalance"), "{'type':'null'}"),
            "'answered_by','leader','fencing','epoch','members','assignment','unassigned','waiting','last_rebalance'")},
    {"Drain", OBJECT("'left':" UNITS ",'revoking':" UNITS_WITH_REASON, "'left','revoking'")},
};
const size_t OPENAPI_SCHEMA_COUNT = sizeof(OPENAPI_SCHEMAS) / sizeof(OPENAPI_SCHEMAS[0]);

/* ---- parameters ---- */

#define QUERY(name, schema, words) "{'name':'" name "','in':'query','description':'" words "','schema':" schema "}"
#define HEADER(name, words) "{'name':'" name "','in':'header','required':true,'description':'" words "','schema':" TEXT "}"
#define OFF_UNLESS_SET "{'type':'boolean','default':false}"

const struct openapi_part OPENAPI_PARAMETERS[] = {
    {"expand", QUERY("expand", LIST(TEXT), "status, info, or both by being given twice; other words add nothing")},
    {"includeTasks", QUERY("includeTasks", OFF_UNLESS_SET, "tasks too")},
    {"onlyFailed", QUERY("onlyFailed", OFF_UNLESS_SET, "only what is FAILED")},
    {"connectorsOnly", QUERY("connectorsOnly", "{'type':'boolean','default':true}", "false: plugins of all kinds")},
    {"version", QUERY("version", TEXT, "of the plugin, or latest")},
    {"scope", QUERY("scope", "{'type':'string','default':'worker'}", "worker, or cluster: all workers follow")},
    {SIGNATURE_HEADER, HEADER(SIGNATURE_HEADER, "HMAC of the body under the session key, in base64")},
    {SIGNATURE_ALGORITHM_HEADER, HEADER(SIGNATURE_ALGORITHM_HEADER, "such as HmacSHA256")},
    {LEADER_LINK_MADE_FROM, QUERY(LEADER_LINK_MADE_FROM, TEXT, "which configuration the tasks were made from")},
};
const size_t OPENAPI_PARAMETER_COUNT = sizeof(OPENAPI_PARAMETERS) / sizeof(OPENAPI_PARAMETERS[0]);
