import io, json, pytest
P="/api/wiseflow/flows/77/export"
def show(name, r): print(f"{name:28} {r.status_code} {r.headers.get('WWW-Authenticate','')} {r.content[:230]}")
def test_probe(flow, wiseflow, settings, client, learn):
    wiseflow.client.raise_request_exception = False
    for name, b in {"empty":"", "blank":"  ","bad":'{"participants": [\n  x]}',"array":"[]","str":'"a"',"none":"{}","np":'{"participants":{}}',
      "nan":'{"participants":[{"userId":1,"mark":NaN}]}',"bomb":"["*100000,"bombobj":'{"a":'*100000,"deepuser":'{"participants":[{"userId":'+"["*300+"]"*300+'}]}',
      "deep500":'{"participants":[{"userId":'+"["*500+"]"*500+'}]}',"deep700":'{"participants":[{"userId":'+"["*700+"]"*700+'}]}',
      "deep850":'{"participants":[{"userId":'+"["*850+"]"*850+'}]}',
      "bigid":'{"participants":[{"userId":'+"9"*10000+'}]}',"bigmark":'{"participants":[{"userId":1,"mark":'+"9"*10000+'}]}',"bigflow":'{"flowId":'+"9"*10000+',"participants":[]}',
      "id4300":'{"participants":[{"userId":'+"9"*4300+'}]}', "neg4300":'{"participants":[{"userId":-'+"9"*4300+'}]}',
      "1e999":'{"participants":[{"userId":1e999}]}',"bom":b'\xef\xbb\xbf{"participants":[]}',"inv":b'{"participants":[\xff]}',"utf16":'{"participants":[]}'.encode("utf-16"),
      "sur":'{"participants":[{"userId":"\\ud800","mark":"a","\\ud800":1},{"userId":"a\\u0000"}, {"userId":{"\\ud800":"\\udfff"}}]}',
      "surflow":'{"flowId":"\\ud800","participants":[]}', "flowlist":'{"flowId":[1],"participants":[]}',"dup":'{"participants":[],"participants":[]}',
      "dupe":'{"participants":[{"userId":1,"userId":2,"mark":"A"}]}', "-0":'{"participants":[{"userId":-0,"mark":null},{"userId":0}]}',
      }.items():
        show(name, wiseflow.post(b))
    for ct in ("text/plain","application/x-www-form-urlencoded","multipart/form-data; boundary=x","application/json; charset=utf-16",""):
        show(ct, wiseflow.post('{"participants":[]}', content_type=ct)); show(ct+" empty", wiseflow.post('', content_type=ct))
    show("chunked", wiseflow.client.generic("POST", P, b"", content_type="application/json", headers=wiseflow.headers, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": io.BytesIO(b'{"participants":[]}')}))
    show("get405", wiseflow.get("/api/wiseflow/export")); show("put", wiseflow.client.put(P, "{}", headers=wiseflow.headers))
    show("opt", wiseflow.client.options(P, headers=wiseflow.headers))
    show("getnul", wiseflow.get("/api/wiseflow/flows/a%00b/export")); show("getnul2", wiseflow.get("/api/wiseflow/flows/a%00b/participants"))
    show("getsur", wiseflow.get("/api/wiseflow/flows/%ED%A0%80/export")); show("postsur", wiseflow.post('{"participants":[]}', path="/api/wiseflow/flows/%ED%A0%80/export"))
    show("postnul", wiseflow.post('{"participants":[]}', path="/api/wiseflow/flows/a%00b/export"))
    show("long", wiseflow.get(f"/api/wiseflow/flows/{'a'*300}/export"))
    show("page", wiseflow.get("/api/wiseflow/flows/77/participants?page=%00")); show("page2", wiseflow.get("/api/wiseflow/flows/77/participants?page=99999999999999999999999999"))
    show("state", wiseflow.get("/api/wiseflow/flows/77/participants?state=%00%ED%A0%80"));
    show("list", wiseflow.get("/api/wiseflow/flows/77/participants"));
    for name, h in {"no":{}, "bad":{"X-Api-Key":"no"},"emptykey":{"Authorization":"Api-Key "},"basicbad":{"Authorization":"Basic ####"},"basicnon":{"Authorization":"Basic é"},"bear":{"Authorization":"Bearer a:b:c"},"bear2":{"Authorization":"Bearer é"}}.items():
        show(name, client.post(P, '{"participants":[]}', content_type="application/json", headers=h))
    for name, b, ct, q in [("tok-inv", b"\xff\xfe","application/x-www-form-urlencoded",""),("tok-q",b"grant_type=client_credentials","application/x-www-form-urlencoded","?a[]=1"),("tok-json",b"{}","application/json",""),("tok-empty",b"","application/x-www-form-urlencoded",""),("tok-hex",b"grant_type=%G0","application/x-www-form-urlencoded",""),("tok-dup",b"grant_type=a&grant_type=b","application/x-www-form-urlencoded",""),("tok-pct",b"client_id=%ff&client_secret=%00&grant_type=client_credentials","application/x-www-form-urlencoded","")]:
        show(name, client.post("/oauth2/token/"+q, b, content_type=ct))
    show("tok-get", client.get("/oauth2/token/"))
    show("notfound", client.get("/api/wiseflow/nothing"))
    assert 0
